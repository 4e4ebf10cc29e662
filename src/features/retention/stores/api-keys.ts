import { batchSize, foundAll, idsOf, iso, type TextStore } from '../text-store.ts'

/** What people called their keys. The request to erase has revoked them already. */
export const apiKeyStore: TextStore = {
  name: 'api_keys',
  personal: true,
  holds: { api_keys: ['name', 'description'] },

  async find(database, scope, after) {
    const { userId, workspaceIds, until } = scope
    const rows = await database.read
      .selectFrom('api_keys')
      .select(['id', 'workspace_id as workspaceId'])
      .where('id', '>', after)
      .where('user_id', '=', userId!)
      .where('created_at', '<=', until)
      .$if(workspaceIds !== undefined, (query) => query.where('workspace_id', 'in', workspaceIds!))
      .$if(scope.evenEmpty !== true, (query) =>
        query.where((eb) => eb.or([eb('name', '!=', removed), eb('description', '!=', '')])),
      )
      .orderBy('id')
      .limit(batchSize)
      .execute()
    return foundAll(rows)
  },

  async erase(tx, rows) {
    await tx.db.updateTable('api_keys').set({ name: removed, description: '' }).where('id', 'in', idsOf(rows)).execute()
  },

  async read(database, ids) {
    const rows = await database.read
      .selectFrom('api_keys as k')
      .innerJoin('workspaces as w', 'w.id', 'k.workspace_id')
      .selectAll('k')
      .select('w.public_id as workspace')
      .where('k.id', 'in', ids)
      .orderBy('k.id')
      .execute()
    return rows.map((row) => ({
      id: row.public_id,
      workspace_id: row.workspace,
      name: row.name,
      description: row.description,
      scopes: row.scopes.split(' '),
      rate_limit: row.rate_limit,
      usage_count: row.usage_count,
      created_at: iso(row.created_at),
      last_used_at: iso(row.last_used_at),
      expires_at: iso(row.expires_at),
      revoked_at: iso(row.revoked_at),
    }))
  },
}

const removed = 'Removed'
