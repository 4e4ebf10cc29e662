import type { Principal } from '#contracts/index.ts'
import { invalid } from '#errors/index.ts'
import { lockHolds } from './covered.ts'
import type { RetentionDeps } from './deps.ts'
import { administered } from './policy.ts'

const mostDays = 36_500

/** After how many days a workspace's text is removed; null: never. Every member may know. */
export async function keptDays(deps: RetentionDeps, principal: Principal, workspaceId: string): Promise<number | null> {
  const workspace = await deps.workspaces.get(principal, workspaceId)
  const row = await deps.database.read
    .selectFrom('workspaces')
    .select('retention_days')
    .where('id', '=', workspace.ref.id)
    .executeTakeFirst()
  return row?.retention_days ?? null
}

/** From the moment this resolves, nothing younger is removed because of its age. */
export async function keepFor(
  deps: RetentionDeps,
  principal: Principal,
  workspaceId: string,
  days: number | null,
): Promise<void> {
  const workspace = await administered(deps, principal, workspaceId)
  if (days !== null && (!Number.isInteger(days) || days < 1 || days > mostDays))
    throw invalid('retention_days', `'retention_days' must be null or a whole number from 1 to ${mostDays}`)
  await deps.database.write(async (tx) => {
    await lockHolds(tx, deps.database.dialect, false)
    await tx.db.updateTable('workspaces').set({ retention_days: days }).where('id', '=', workspace.ref.id).execute()
    if (days === null)
      await tx.db.deleteFrom('retention_progress').where('workspace_id', '=', workspace.ref.id).execute()
  })
}
