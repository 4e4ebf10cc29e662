import { sql } from 'kysely'
import { batchSize, foundAll, idsOf, type TextStore } from '../text-store.ts'

/** What webhooks were told of somebody's account: name and address. What was not sent by then never is, and says so. */
export const webhookStore: TextStore = {
  name: 'webhook_deliveries',
  holds: { webhook_deliveries: ['payload'] },

  async find(database, { userId, workspaceIds, until }, after) {
    const rows = await database.read
      .selectFrom('webhook_deliveries as d')
      .innerJoin('webhooks as w', 'w.id', 'd.webhook_id')
      .select(['d.id', 'w.workspace_id as workspaceId'])
      .where('d.id', '>', after)
      .where('d.created_at', '<=', until)
      .where('d.payload', '!=', '')
      .$if(userId !== undefined, (query) => query.where('d.user_id', '=', userId!))
      .$if(userId === undefined, (query) => query.where('d.user_id', 'is not', null))
      .$if(workspaceIds !== undefined, (query) => query.where('w.workspace_id', 'in', workspaceIds!))
      .orderBy('d.id')
      .limit(batchSize)
      .execute()
    return foundAll(rows)
  },

  async erase(tx, rows, { until }) {
    const isOpen = sql<boolean>`status = 'pending'`
    await tx.db
      .updateTable('webhook_deliveries')
      .set((eb) => ({
        payload: '',
        error: eb.case().when(isOpen).then('The payload was removed').else(eb.ref('error')).end(),
        ended_at: eb.case().when(isOpen).then(until).else(eb.ref('ended_at')).end(),
        status: eb
          .case()
          .when(isOpen)
          .then('failed' as const)
          .else(eb.ref('status'))
          .end(),
      }))
      .where('id', 'in', idsOf(rows))
      .execute()
  },

  read: async () => [],
}
