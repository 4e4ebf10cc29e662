import { sql } from 'kysely'
import { isShortId, rangeOfShortId } from '#lib/short-id.ts'
import { isUuid } from '#lib/uuid.ts'
import type { Database, Transaction } from '#store/index.ts'

export interface RatedTurn {
  id: number
  workspaceId: number
  userId: number
  appId: number | null
  model: string
}

/** By either of its names. */
export async function findTurn(database: Database, name: string): Promise<RatedTurn | undefined> {
  const query = database.read
    .selectFrom('turns')
    .select(['id', 'workspace_id as workspaceId', 'user_id as userId', 'app_id as appId', 'model'])
  if (isUuid(name)) return query.where('public_id', '=', name.toLowerCase()).executeTakeFirst()
  if (!isShortId(name)) return undefined
  const { least, greatest } = rangeOfShortId(name)
  return query
    .where('public_id', '>=', least)
    .where('public_id', '<=', greatest)
    .orderBy('public_id')
    .limit(1)
    .executeTakeFirst()
}

export interface NewRating {
  publicId: string
  workspaceId: number
  userId: number
  turnId: number
  appId: number | null
  model: string
  isPositive: boolean | null
  reason: string | null
  details: string | null
  at: number
}

export async function upsertRating(tx: Transaction, rating: NewRating): Promise<void> {
  await tx.db
    .insertInto('feedback')
    .values({
      public_id: rating.publicId,
      workspace_id: rating.workspaceId,
      user_id: rating.userId,
      app_id: rating.appId,
      turn_id: rating.turnId,
      model: rating.model,
      is_positive: rating.isPositive === null ? null : Number(rating.isPositive),
      reason: rating.reason,
      details: rating.details,
      query: null,
      given: '{}',
      created_at: rating.at,
      updated_at: rating.at,
    })
    .onConflict((conflict) =>
      conflict
        .columns(['turn_id', 'user_id'])
        .where('turn_id', 'is not', null)
        .doUpdateSet((eb) => ({
          is_positive: eb.ref('excluded.is_positive'),
          reason: eb.ref('excluded.reason'),
          details: eb.ref('excluded.details'),
          updated_at: eb.ref('excluded.updated_at'),
        })),
    )
    .execute()
}

interface RatedBy {
  turnId: number
  userId: number
}

export async function deleteRating(tx: Transaction, { turnId, userId }: RatedBy): Promise<void> {
  await tx.db.deleteFrom('feedback').where('turn_id', '=', turnId).where('user_id', '=', userId).execute()
}

export async function findRating(database: Database, { turnId, userId }: RatedBy): Promise<FeedbackRow | undefined> {
  const row = await selectFeedback(database)
    .where('f.turn_id', '=', turnId)
    .where('f.user_id', '=', userId)
    .executeTakeFirst()
  return row && toRow(row)
}

export interface NewOpinion {
  publicId: string
  workspaceId: number
  userId: number
  appId: number | null
  reason: string | null
  details: string | null
  query: string | null
  given: Record<string, unknown>
  at: number
}

export async function insertFeedback(tx: Transaction, opinion: NewOpinion): Promise<void> {
  await tx.db
    .insertInto('feedback')
    .values({
      public_id: opinion.publicId,
      workspace_id: opinion.workspaceId,
      user_id: opinion.userId,
      app_id: opinion.appId,
      turn_id: null,
      model: null,
      is_positive: null,
      reason: opinion.reason,
      details: opinion.details,
      query: opinion.query,
      given: JSON.stringify(opinion.given),
      created_at: opinion.at,
      updated_at: opinion.at,
    })
    .execute()
}

/** Times are unix ms; `from` is included, `to` is not. */
export interface FeedbackFilter {
  appId?: number
  isPositive?: boolean
  from?: number
  to?: number
  /** A public id: only what was given before it. */
  before?: string
}

export interface FeedbackRow {
  publicId: string
  userId: string | null
  appId: string | null
  turnId: string | null
  model: string | null
  isPositive: boolean | null
  reason: string | null
  details: string | null
  query: string | null
  given: Record<string, unknown>
  createdAt: number
  updatedAt: number
}

function selectFeedback(database: Database) {
  return database.read
    .selectFrom('feedback as f')
    .leftJoin('users as u', 'u.id', 'f.user_id')
    .leftJoin('apps as a', 'a.id', 'f.app_id')
    .leftJoin('turns as t', 't.id', 'f.turn_id')
    .select(['f.public_id', 'f.model', 'f.is_positive', 'f.reason', 'f.details', 'f.query', 'f.given'])
    .select(['f.created_at', 'f.updated_at'])
    .select(['u.public_id as user_public_id', 'a.public_id as app_public_id', 't.public_id as turn_public_id'])
}

type SelectedRow = Awaited<ReturnType<ReturnType<typeof selectFeedback>['executeTakeFirstOrThrow']>>

function toRow(row: SelectedRow): FeedbackRow {
  return {
    publicId: row.public_id,
    userId: row.user_public_id,
    appId: row.app_public_id,
    turnId: row.turn_public_id,
    model: row.model,
    isPositive: row.is_positive === null ? null : row.is_positive === 1,
    reason: row.reason,
    details: row.details,
    query: row.query,
    given: JSON.parse(row.given) as Record<string, unknown>,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }
}

/**
 * The key of the newest that was given before `publicId`. Public ids grow with time, so that a list goes on where it was
 * also when the last one that was shown has been taken back.
 */
function keyBehind(database: Database, workspaceId: number, publicId: string) {
  const here = database.read.selectFrom('feedback').where('workspace_id', '=', workspaceId)
  const known = here.select(sql<number>`id - 1`.as('id')).where('public_id', '=', publicId)
  const nearest = here.select('id').where('public_id', '<', publicId).orderBy('public_id', 'desc').limit(1)
  return sql<number>`coalesce((${known}), (${nearest}))`
}

/** Newest first. */
export async function listFeedback(
  database: Database,
  workspaceId: number,
  filter: FeedbackFilter,
  limit: number,
): Promise<FeedbackRow[]> {
  const { appId, isPositive, from, to, before } = filter
  const earlier = before === undefined ? undefined : keyBehind(database, workspaceId, before)
  const rows = await selectFeedback(database)
    .where('f.workspace_id', '=', workspaceId)
    .$if(appId !== undefined, (query) => query.where('f.app_id', '=', appId!))
    .$if(isPositive !== undefined, (query) => query.where('f.is_positive', '=', Number(isPositive)))
    .$if(from !== undefined, (query) => query.where('f.created_at', '>=', from!))
    .$if(to !== undefined, (query) => query.where('f.created_at', '<', to!))
    .$if(earlier !== undefined, (query) => query.where('f.id', '<=', earlier!))
    .orderBy('f.id', 'desc')
    .limit(limit)
    .execute()
  return rows.map(toRow)
}

export interface FeedbackCount {
  appId: string | null
  appName: string | null
  model: string | null
  positive: number
  negative: number
  /** Given without saying which. */
  neither: number
}

export async function countFeedback(
  database: Database,
  workspaceId: number,
  { appId, from, to }: FeedbackFilter,
): Promise<FeedbackCount[]> {
  const isPositive = sql<number | null>`f.is_positive`
  return database.read
    .selectFrom('feedback as f')
    .leftJoin('apps as a', 'a.id', 'f.app_id')
    .select(['a.public_id as appId', 'a.name as appName', 'f.model as model'])
    .select([
      sql<number>`count(case when ${isPositive} = 1 then 1 end)`.as('positive'),
      sql<number>`count(case when ${isPositive} = 0 then 1 end)`.as('negative'),
      sql<number>`count(case when ${isPositive} is null then 1 end)`.as('neither'),
    ])
    .where('f.workspace_id', '=', workspaceId)
    .$if(appId !== undefined, (query) => query.where('f.app_id', '=', appId!))
    .$if(from !== undefined, (query) => query.where('f.created_at', '>=', from!))
    .$if(to !== undefined, (query) => query.where('f.created_at', '<', to!))
    .groupBy(['f.app_id', 'a.public_id', 'a.name', 'f.model'])
    .orderBy(sql`count(*)`, 'desc')
    .orderBy('f.app_id')
    .orderBy('f.model')
    .execute()
}
