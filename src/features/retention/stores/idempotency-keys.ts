import { batchSize, foundAll, idsOf, iso, type TextStore } from '../text-store.ts'

/** What callers named their requests; forgotten after a day in any case. */
export const idempotencyStore: TextStore = {
  name: 'idempotency_keys',
  holds: { idempotency_keys: ['key', 'request_hash'] },

  async find(database, { userId, workspaceIds, until }, after) {
    const rows = await database.read
      .selectFrom('idempotency_keys as k')
      .innerJoin('turns as t', 't.id', 'k.turn_id')
      .select(['t.id', 't.workspace_id as workspaceId', 't.app_id as appId', 't.conversation_id as conversationId'])
      .where('t.id', '>', after)
      .where('k.created_at', '<=', until)
      .$if(userId !== undefined, (query) => query.where('k.user_id', '=', userId!).where('t.visitor', '=', 0))
      .$if(workspaceIds !== undefined, (query) => query.where('k.workspace_id', 'in', workspaceIds!))
      .orderBy('t.id')
      .limit(batchSize)
      .execute()
    return foundAll(rows)
  },

  async erase(tx, rows) {
    await tx.db.deleteFrom('idempotency_keys').where('turn_id', 'in', idsOf(rows)).execute()
  },

  async read(database, ids) {
    const rows = await database.read
      .selectFrom('idempotency_keys as k')
      .innerJoin('turns as t', 't.id', 'k.turn_id')
      .select(['k.key', 'k.created_at', 't.public_id'])
      .where('k.turn_id', 'in', ids)
      .orderBy('k.turn_id')
      .execute()
    return rows.map((row) => ({ key: row.key, turn_id: row.public_id, created_at: iso(row.created_at) }))
  },
}
