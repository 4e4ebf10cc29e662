import { sql } from 'kysely'
import { batchSize, foundAll, idsOf, type TextStore } from '../text-store.ts'

/**
 * What stood in the workspaces of somebody whose account is gone and in which nobody else was: their names, apps, prompts,
 * rules and webhooks. The rows stay, because usage belongs to them.
 */
export const workspaceStore: TextStore = {
  name: 'workspaces',
  personal: true,
  holds: {
    workspaces: ['name', 'code'],
    apps: ['name', 'slug', 'description', 'config'],
    guardrails: ['name', 'config'],
    legal_holds: ['reason'],
    webhooks: ['url', 'description'],
  },

  async find(database, scope, after) {
    if (scope.forgotten === undefined) return { rows: [], reached: after, done: true }
    const rows = await database.read
      .selectFrom('workspaces as w')
      .select(['w.id', 'w.id as workspaceId'])
      .where('w.id', '>', after)
      .where('w.retention_days', '=', abandonedDays)
      .where('w.name', '!=', removed)
      .where((eb) =>
        eb.not(
          eb.exists(eb.selectFrom('memberships as m').select('m.user_id').whereRef('m.workspace_id', '=', 'w.id')),
        ),
      )
      .orderBy('w.id')
      .limit(batchSize)
      .execute()
    return foundAll(rows.map((row) => ({ ...row, anyHold: true as const })))
  },

  async erase(tx, rows) {
    const ids = idsOf(rows)
    await tx.db
      .updateTable('workspaces')
      .set({ name: removed, code: sql`replace(public_id, '-', '')` })
      .where('id', 'in', ids)
      .execute()
    await tx.db
      .updateTable('apps')
      .set({ name: removed, slug: sql`'removed-' || id`, description: '', config: '{}', enabled: 0 })
      .where('workspace_id', 'in', ids)
      .execute()
    await tx.db.deleteFrom('guardrails').where('workspace_id', 'in', ids).execute()
    await tx.db.deleteFrom('webhooks').where('workspace_id', 'in', ids).execute()
    await tx.db.updateTable('legal_holds').set({ reason: removed }).where('workspace_id', 'in', ids).execute()
  },

  read: async () => [],
}

/** Of a workspace that died with an account: all text in it is too old. Nobody can set this. */
export const abandonedDays = 0
const removed = 'Removed'
