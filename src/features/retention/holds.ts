import type { Principal } from '#contracts/index.ts'
import { AppError } from '#errors/index.ts'
import { plainText } from '#lib/text.ts'
import { isUuid, uuidv7 } from '#lib/uuid.ts'
import type { Transaction } from '#store/index.ts'
import { lockHolds } from './covered.ts'
import type { RetentionDeps } from './deps.ts'
import { administered } from './policy.ts'

export interface HoldInput {
  reason: string
  /** Public id; absent: every app. */
  applicationId?: string
  /** Public id of a conversation. */
  sessionId?: string
}

export type Hold = Awaited<ReturnType<typeof listHolds>>[number]

const mostListed = 500

/** From the moment this resolves, nothing that it covers is removed but a file whose removal has begun. */
export async function placeHold(
  deps: RetentionDeps,
  principal: Principal,
  workspaceId: string,
  input: HoldInput,
): Promise<Hold> {
  const workspace = await administered(deps, principal, workspaceId)
  const reason = plainText('reason', input.reason, 1000)
  const appId = input.applicationId === undefined ? null : await findIn('apps', input.applicationId, 'application_id')
  const conversationId =
    input.sessionId === undefined ? null : await findIn('conversations', input.sessionId, 'session_id')
  const publicId = uuidv7(deps.now())
  await deps.database.write(async (tx) => {
    await lockHolds(tx, deps.database.dialect, false)
    await tx.db
      .insertInto('legal_holds')
      .values({
        public_id: publicId,
        workspace_id: workspace.ref.id,
        app_id: appId,
        conversation_id: conversationId,
        reason,
        created_by: principal.user.id,
        created_at: deps.now(),
        lifted_by: null,
        lifted_at: null,
      })
      .execute()
  })
  return (await listHolds(deps, principal, workspaceId)).find((hold) => hold.id === publicId)!

  async function findIn(table: 'apps' | 'conversations', id: string, field: string): Promise<number> {
    const row = isUuid(id)
      ? await deps.database.read
          .selectFrom(table)
          .select('id')
          .where('public_id', '=', id.toLowerCase())
          .where('workspace_id', '=', workspace.ref.id)
          .executeTakeFirst()
      : undefined
    if (!row)
      throw new AppError('not-found', `${table === 'apps' ? 'Application' : 'Session'} not found`, {
        details: { field },
      })
    return row.id
  }
}

/** Those that stand and those that were lifted, the newest first. */
export async function listHolds(deps: RetentionDeps, principal: Principal, workspaceId: string) {
  const workspace = await administered(deps, principal, workspaceId)
  const rows = await deps.database.read
    .selectFrom('legal_holds as h')
    .leftJoin('apps as a', 'a.id', 'h.app_id')
    .leftJoin('conversations as c', 'c.id', 'h.conversation_id')
    .leftJoin('users as u', 'u.id', 'h.created_by')
    .select(['h.public_id', 'h.reason', 'h.created_at', 'h.lifted_at'])
    .select(['a.public_id as app', 'c.public_id as conversation', 'u.public_id as user'])
    .where('h.workspace_id', '=', workspace.ref.id)
    .orderBy('h.id', 'desc')
    .limit(mostListed)
    .execute()
  return rows.map((row) => ({
    id: row.public_id,
    reason: row.reason,
    applicationId: row.app,
    sessionId: row.conversation,
    createdBy: row.user,
    createdAt: row.created_at,
    liftedAt: row.lifted_at,
  }))
}

/**
 * Ends a hold. What was due meanwhile becomes due again: old text is looked for from the beginning, and erasures that had
 * to leave something are taken up. Only owners; throws `not-found` for one that was lifted.
 */
export async function liftHold(
  deps: RetentionDeps,
  principal: Principal,
  workspaceId: string,
  holdId: string,
): Promise<void> {
  const workspace = await administered(deps, principal, workspaceId)
  if (workspace.role !== 'owner') throw new AppError('forbidden', 'Only an owner of the workspace lifts a hold')
  const now = deps.now()
  const lifted = await deps.database.write(async (tx) => {
    await lockHolds(tx, deps.database.dialect, false)
    const result = await tx.db
      .updateTable('legal_holds')
      .set({ lifted_at: now, lifted_by: principal.user.id })
      .where('public_id', '=', holdId.toLowerCase())
      .where('workspace_id', '=', workspace.ref.id)
      .where('lifted_at', 'is', null)
      .executeTakeFirst()
    if (Number(result.numUpdatedRows) !== 1) return false
    await lookAgain(tx, workspace.ref.id)
    return true
  })
  if (!lifted) throw new AppError('not-found', 'Hold not found')
}

async function lookAgain(tx: Transaction, workspaceId: number): Promise<void> {
  await tx.db.updateTable('retention_progress').set({ up_to: 0 }).where('workspace_id', '=', workspaceId).execute()
  await tx.db
    .updateTable('erasures')
    .set({ status: 'running', store: null, after: 0, kept: '{}', ended_at: null })
    .where('kept', '!=', '{}')
    .where((eb) => eb.or([eb('workspace_id', 'is', null), eb('workspace_id', '=', workspaceId)]))
    .execute()
}
