import { batchSize, foundAll, idsOf, iso, type TextStore } from '../text-store.ts'

/** What people thought, in their words; how often they thought well of something stays. */
export const feedbackStore: TextStore = {
  name: 'feedback',
  holds: { feedback: ['reason', 'details', 'query', 'given'] },

  async find(database, scope, after) {
    const { userId, workspaceIds, until } = scope
    const rows = await database.read
      .selectFrom('feedback as f')
      .leftJoin('turns as t', 't.id', 'f.turn_id')
      .select(['f.id', 'f.workspace_id as workspaceId', 'f.app_id as appId', 't.conversation_id as conversationId'])
      .where('f.id', '>', after)
      .where('f.created_at', '<=', until)
      .$if(userId !== undefined, (query) => query.where('f.user_id', '=', userId!))
      .$if(workspaceIds !== undefined, (query) => query.where('f.workspace_id', 'in', workspaceIds!))
      .$if(scope.evenEmpty !== true, (query) =>
        query.where((eb) =>
          eb.or([
            eb('f.reason', 'is not', null),
            eb('f.details', 'is not', null),
            eb('f.query', 'is not', null),
            eb('f.given', '!=', '{}'),
          ]),
        ),
      )
      .orderBy('f.id')
      .limit(batchSize)
      .execute()
    return foundAll(rows)
  },

  async erase(tx, rows) {
    await tx.db
      .updateTable('feedback')
      .set({ reason: null, details: null, query: null, given: '{}' })
      .where('id', 'in', idsOf(rows))
      .execute()
  },

  async read(database, ids) {
    const rows = await database.read
      .selectFrom('feedback as f')
      .innerJoin('workspaces as w', 'w.id', 'f.workspace_id')
      .leftJoin('apps as a', 'a.id', 'f.app_id')
      .leftJoin('turns as t', 't.id', 'f.turn_id')
      .selectAll('f')
      .select(['w.public_id as workspace', 'a.public_id as app', 't.public_id as turn'])
      .where('f.id', 'in', ids)
      .orderBy('f.id')
      .execute()
    return rows.map((row) => ({
      id: row.public_id,
      workspace_id: row.workspace,
      application_id: row.app,
      turn_id: row.turn,
      is_positive: row.is_positive === null ? null : row.is_positive === 1,
      reason: row.reason,
      details: row.details,
      query: row.query,
      given: JSON.parse(row.given),
      created_at: iso(row.created_at),
      updated_at: iso(row.updated_at),
    }))
  },
}
