import { setImmediate as breath } from 'node:timers/promises'
import type { Principal } from '#contracts/index.ts'
import { AppError } from '#errors/index.ts'
import { mayRead } from '#features/conversations/index.ts'
import { uuidv7 } from '#lib/uuid.ts'
import type { Database } from '#store/index.ts'
import { requireReviewer } from './policy.ts'
import {
  countFeedback,
  deleteRating,
  type FeedbackCount,
  type FeedbackFilter,
  type FeedbackRow,
  findRating,
  findTurn,
  insertFeedback,
  listFeedback,
  upsertRating,
} from './store.ts'

export interface FeedbackDeps {
  database: Database
  now(): number
}

export interface Rating {
  /** Null: neither. */
  isPositive: boolean | null
  reason?: string
  details?: string
}

/** Feedback on the product, or on an app of it. Texts must be storable. */
export interface Opinion {
  appId: number | null
  reason: string | null
  details: string | null
  query: string | null
  /** What else was given with it, kept as it is. */
  given: Record<string, unknown>
}

const exportedAtOnce = 200

/**
 * What the principal thinks of a turn that he may see; one opinion a user and turn, the last one given. Empty takes it
 * back. `turnId` is either name of the turn. Throws `not-found`.
 */
export async function rateTurn(
  { database, now }: FeedbackDeps,
  principal: Principal,
  turnId: string,
  rating: Rating,
): Promise<FeedbackRow | undefined> {
  const turn = await findTurn(database, turnId)
  if (!turn || !mayRead(principal, turn)) throw new AppError('not-found', 'Turn not found')
  const { isPositive, reason, details } = rating
  const by = { turnId: turn.id, userId: principal.user.id }
  if (isPositive === null && reason === undefined && details === undefined) {
    await database.write((tx) => deleteRating(tx, by))
    return undefined
  }
  await database.write((tx) =>
    upsertRating(tx, {
      ...by,
      publicId: uuidv7(now()),
      workspaceId: turn.workspaceId,
      appId: turn.appId,
      model: turn.model,
      isPositive,
      reason: reason ?? null,
      details: details ?? null,
      at: now(),
    }),
  )
  return findRating(database, by)
}

/** Stores an opinion; gives its public id. */
export async function submitOpinion(
  { database, now }: FeedbackDeps,
  principal: Principal,
  opinion: Opinion,
): Promise<string> {
  const publicId = uuidv7(now())
  const by = { workspaceId: principal.workspace.id, userId: principal.user.id }
  await database.write((tx) => insertFeedback(tx, { ...opinion, ...by, publicId, at: now() }))
  return publicId
}

/** Newest first, at most `limit`. For administrators of the workspace. */
export async function listOpinions(
  { database }: FeedbackDeps,
  principal: Principal,
  filter: FeedbackFilter,
  limit: number,
): Promise<FeedbackRow[]> {
  requireReviewer(principal)
  return listFeedback(database, principal.workspace.id, filter, limit)
}

/** All of it, newest first, in batches. For administrators of the workspace; throws before the first one. */
export function exportOpinions(
  { database }: FeedbackDeps,
  principal: Principal,
  filter: FeedbackFilter,
): AsyncGenerator<FeedbackRow[]> {
  requireReviewer(principal)
  return allFeedback(database, principal.workspace.id, filter)
}

async function* allFeedback(database: Database, workspaceId: number, filter: FeedbackFilter) {
  let before = filter.before
  for (;;) {
    // SQLite answers without going round the event loop, and a quick reader never makes anybody wait: all others would.
    await breath()
    const page = { ...filter, ...(before !== undefined && { before }) }
    const rows = await listFeedback(database, workspaceId, page, exportedAtOnce)
    if (rows.length > 0) yield rows
    if (rows.length < exportedAtOnce) return
    before = rows.at(-1)!.publicId
  }
}

/** How often which app and model was found good and bad. For administrators of the workspace. */
export async function countOpinions(
  { database }: FeedbackDeps,
  principal: Principal,
  filter: FeedbackFilter,
): Promise<FeedbackCount[]> {
  requireReviewer(principal)
  return countFeedback(database, principal.workspace.id, filter)
}
