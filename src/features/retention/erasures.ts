import { isBound, type Principal } from '#contracts/index.ts'
import { AppError } from '#errors/index.ts'
import { requirePerson, voidSessions } from '#features/users/index.ts'
import { mayAdminister, mayGovern } from '#features/workspaces/index.ts'
import { isUuid, uuidv7 } from '#lib/uuid.ts'
import { uuidFloor } from '#lib/uuid-floor.ts'
import type { Transaction } from '#store/index.ts'
import { anonymise } from './anonymise.ts'
import { lockHolds } from './covered.ts'
import type { RetentionDeps } from './deps.ts'
import { administered } from './policy.ts'
import { type ErasureView, findErasure, toView } from './store.ts'

/** The key of what was asked for; the runner takes it from there. */
export interface Requested {
  id: number
}

interface Target {
  user: { id: number; publicId: string }
  /** Null: everywhere. */
  workspaceId: number | null
  anonymise: boolean
}

/**
 * The caller's own text: everywhere, or with a credential that is bound to a workspace, there. Sessions and keys are void from
 * here on. Throws `invalid-request` (`current_password`), and `conflict` when the account cannot go.
 */
export async function eraseOwn(
  deps: RetentionDeps,
  principal: Principal,
  input: { anonymise: boolean; currentPassword?: string },
): Promise<Requested> {
  requirePerson(principal)
  await deps.users.confirmPassword(principal, input.currentPassword)
  const only = isBound(principal) && (await isElsewhere(deps, principal)) ? principal.workspace.id : null
  if (only !== null && input.anonymise)
    throw new AppError(
      'forbidden',
      'This token belongs to one workspace of several; log in without it to erase the account',
    )
  return request(deps, principal, { user: principal.user, workspaceId: only, anonymise: input.anonymise })
}

/** Anybody's text everywhere, by an administrator of the server. */
export async function eraseUser(
  deps: RetentionDeps,
  principal: Principal,
  userId: string,
  input: { anonymise: boolean },
): Promise<Requested> {
  requirePerson(principal)
  if (isBound(principal) || !(await deps.users.isServerAdmin(principal.user.id)))
    throw new AppError('forbidden', 'Only an administrator of this server does this')
  const user = await deps.users.find({ publicId: userId })
  if (!user) throw new AppError('not-found', 'User not found')
  return request(deps, principal, { user, workspaceId: null, anonymise: input.anonymise })
}

/** What a member, or somebody who was one, said in this workspace; by who may govern him. */
export async function eraseMember(
  deps: RetentionDeps,
  principal: Principal,
  workspaceId: string,
  userId: string,
): Promise<Requested> {
  const workspace = await administered(deps, principal, workspaceId)
  const user = await deps.users.find({ publicId: userId })
  const role = user && (await roleOf(deps, workspace.ref.id, user.id))
  if (!user || !role) throw new AppError('not-found', 'Member not found')
  if (role !== 'former' && !mayGovern(workspace.role, role))
    throw new AppError('forbidden', 'Your role in this workspace does not allow this')
  return request(deps, principal, { user, workspaceId: workspace.ref.id, anonymise: false })
}

/**
 * An erasure as its person, who asked for it, and administrators of its workspace or of the server see it. Throws
 * `not-found` to everybody else.
 */
export async function viewErasure(deps: RetentionDeps, principal: Principal, publicId: string): Promise<ErasureView> {
  const row = isUuid(publicId) ? await findErasure(deps.database, { publicId: publicId.toLowerCase() }) : undefined
  if (!row || principal.app) throw missing()
  const here = row.workspace_id === principal.workspace.id
  if (isBound(principal) && !here && (await isElsewhere(deps, principal))) throw missing()
  const own = row.user_id === principal.user.id || row.requested_by === principal.user.id
  if (own || (here && mayAdminister(principal.role) && principal.scopes.has('admin'))) return toView(row)
  if (!isBound(principal) && (await deps.users.isServerAdmin(principal.user.id))) return toView(row)
  throw missing()
}

/** Everything in one transaction: when it is answered, nothing opens any more, and a crash forgets nothing of it. */
async function request(deps: RetentionDeps, principal: Principal, target: Target): Promise<Requested> {
  const now = deps.now()
  const { user, workspaceId } = target
  const id = await deps.database
    .write(async (tx) => {
      await lockHolds(tx, deps.database.dialect, true)
      await revokeKeys(tx, user.id, workspaceId, now)
      if (workspaceId === null) await voidSessions(tx, user.id, now)
      if (target.anonymise) await anonymise(tx, user, now)
      await bringBack(tx, user.id, now)
      const row = await tx.db
        .insertInto('erasures')
        .values({
          public_id: uuidv7(now),
          user_id: user.id,
          workspace_id: workspaceId,
          requested_by: principal.user.id,
          anonymised: target.anonymise ? 1 : 0,
          status: 'running',
          store: null,
          after: 0,
          removed: '{}',
          kept: '{}',
          seen_turn: 0,
          created_at: now,
          ended_at: null,
        })
        .returning('id')
        .executeTakeFirstOrThrow()
      return row.id
    })
    .finally(() => deps.accessChanged.fire())
  return { id }
}

/**
 * What is there was said before now, whatever the clock was then: it may have been set back since, or be another process's
 * that is a little ahead. An erasure tells by these times what was said after it and stays.
 */
async function bringBack(tx: Transaction, userId: number, now: number): Promise<void> {
  // Too many rows to look at all: ids are not older than their rows, and there is an index of them.
  for (const table of ['turns', 'feedback', 'guardrail_violations'] as const)
    await tx.db
      .updateTable(table)
      .set({ created_at: now })
      .where('public_id', '>=', uuidFloor(now))
      .where('user_id', '=', userId)
      .where('created_at', '>', now)
      .execute()
  for (const table of [
    'conversations',
    'idempotency_keys',
    'notifications',
    'plugin_executions',
    'api_keys',
    'webhook_deliveries',
  ] as const)
    await tx.db
      .updateTable(table)
      .set({ created_at: now })
      .where('user_id', '=', userId)
      .where('created_at', '>', now)
      .execute()
  await tx.db
    .updateTable('conversation_clears')
    .set({ cleared_at: now })
    .where('user_id', '=', userId)
    .where('cleared_at', '>', now)
    .execute()
}

async function revokeKeys(tx: Transaction, userId: number, workspaceId: number | null, now: number): Promise<void> {
  await tx.db
    .updateTable('api_keys')
    .set({ revoked_at: now })
    .where('user_id', '=', userId)
    .where('revoked_at', 'is', null)
    .$if(workspaceId !== null, (query) => query.where('workspace_id', '=', workspaceId))
    .execute()
}

/** Whether the caller is in another workspace than the one his credential is bound to. */
async function isElsewhere({ database }: RetentionDeps, principal: Principal): Promise<boolean> {
  const row = await database.read
    .selectFrom('memberships')
    .select('workspace_id')
    .where('user_id', '=', principal.user.id)
    .where('workspace_id', '!=', principal.workspace.id)
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}

/** `former`: not a member, but of use here once. */
async function roleOf({ database }: RetentionDeps, workspaceId: number, userId: number) {
  const member = await database.read
    .selectFrom('memberships')
    .select('role')
    .where('workspace_id', '=', workspaceId)
    .where('user_id', '=', userId)
    .executeTakeFirst()
  if (member) return member.role
  const trace = (table: 'conversations' | 'api_keys' | 'usage_hourly') =>
    database.read
      .selectFrom(table)
      .select('user_id')
      .where('workspace_id', '=', workspaceId)
      .where('user_id', '=', userId)
      .limit(1)
      .executeTakeFirst()
  const was = (await trace('conversations')) ?? (await trace('api_keys')) ?? (await trace('usage_hourly'))
  return was ? 'former' : undefined
}

function missing(): AppError {
  return new AppError('not-found', 'Erasure not found')
}
