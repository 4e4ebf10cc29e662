import { batchSize, foundAll, idsOf, iso, type TextStore } from '../text-store.ts'

/** Runs of plugins, with what they told as they ran. They are no usage, and go as a whole. */
export const executionStore: TextStore = {
  name: 'plugin_executions',
  holds: {
    plugin_executions: ['plugin_id', 'tool_name', 'result', 'error'],
    plugin_execution_events: ['data', 'type'],
  },

  async find(database, { userId, workspaceIds, until }, after) {
    const rows = await database.read
      .selectFrom('plugin_executions')
      .select(['id', 'workspace_id as workspaceId'])
      .where('id', '>', after)
      .where('created_at', '<=', until)
      .$if(userId !== undefined, (query) => query.where('user_id', '=', userId!))
      .$if(workspaceIds !== undefined, (query) => query.where('workspace_id', 'in', workspaceIds!))
      .orderBy('id')
      .limit(batchSize)
      .execute()
    return foundAll(rows)
  },

  async erase(tx, rows) {
    await tx.db.deleteFrom('plugin_executions').where('id', 'in', idsOf(rows)).execute()
  },

  async read(database, ids) {
    const rows = await database.read
      .selectFrom('plugin_executions as x')
      .innerJoin('workspaces as w', 'w.id', 'x.workspace_id')
      .selectAll('x')
      .select('w.public_id as workspace')
      .where('x.id', 'in', ids)
      .orderBy('x.id')
      .execute()
    const events = await database.read
      .selectFrom('plugin_execution_events')
      .select(['execution_id', 'type', 'data', 'at'])
      .where('execution_id', 'in', ids)
      .orderBy('execution_id')
      .orderBy('seq')
      .execute()
    const byRun = Map.groupBy(events, (event) => event.execution_id)
    return rows.map((row) => ({
      id: row.public_id,
      workspace_id: row.workspace,
      plugin_id: row.plugin_id,
      tool_name: row.tool_name,
      status: row.status,
      result: row.result === null ? null : JSON.parse(row.result),
      error: row.error,
      events: (byRun.get(row.id) ?? []).map(({ type, data, at }) => ({ type, data: JSON.parse(data), at: iso(at) })),
      created_at: iso(row.created_at),
      ended_at: iso(row.ended_at),
    }))
  },
}
