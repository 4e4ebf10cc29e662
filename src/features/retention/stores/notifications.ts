import { batchSize, foundAll, idsOf, iso, type TextStore } from '../text-store.ts'

/** What people were told. Of somebody whose account is gone also what others were told of him. */
export const notificationStore: TextStore = {
  name: 'notifications',
  holds: { notifications: ['title', 'body', 'action_url', 'data', 'source'] },

  async find(database, { userId, workspaceIds, until, forgotten }, after) {
    const rows = await database.read
      .selectFrom('notifications')
      .select(['id', 'workspace_id as workspaceId'])
      .where('id', '>', after)
      .where('created_at', '<=', until)
      .$if(workspaceIds !== undefined, (query) => query.where('workspace_id', 'in', workspaceIds!))
      .$if(userId !== undefined, (query) =>
        query.where((eb) =>
          eb.or([
            eb('user_id', '=', userId!),
            // An id has no wildcards, and stands in JSON as it is.
            ...(forgotten === undefined ? [] : [eb('data', 'like', `%"${forgotten}"%`)]),
          ]),
        ),
      )
      .orderBy('id')
      .limit(batchSize)
      .execute()
    return foundAll(rows)
  },

  async erase(tx, rows) {
    await tx.db.deleteFrom('notifications').where('id', 'in', idsOf(rows)).execute()
  },

  async read(database, ids) {
    const rows = await database.read
      .selectFrom('notifications as n')
      .leftJoin('workspaces as w', 'w.id', 'n.workspace_id')
      .selectAll('n')
      .select('w.public_id as workspace')
      .where('n.id', 'in', ids)
      .orderBy('n.id')
      .execute()
    return rows.map((row) => ({
      id: row.public_id,
      workspace_id: row.workspace,
      kind: row.kind,
      title: row.title,
      body: row.body,
      action_url: row.action_url,
      data: JSON.parse(row.data),
      created_at: iso(row.created_at),
      read_at: iso(row.read_at),
    }))
  },
}
