import { batchSize, foundAll, idsOf, iso, type TextStore } from '../text-store.ts'

/** Where a guardrail applied to somebody's words, an excerpt with what was found replaced. That it applied stays. */
export const violationStore: TextStore = {
  name: 'guardrail_violations',
  holds: { guardrail_violations: ['excerpt'] },

  async find(database, scope, after) {
    const { userId, workspaceIds, until } = scope
    const rows = await database.read
      .selectFrom('guardrail_violations as v')
      .leftJoin('turns as t', 't.public_id', 'v.turn_id')
      .select(['v.id', 'v.workspace_id as workspaceId', 'v.app_id as appId', 't.conversation_id as conversationId'])
      .where('v.id', '>', after)
      .where('v.created_at', '<=', until)
      .$if(userId !== undefined, (query) =>
        query
          .where('v.user_id', '=', userId!)
          .where((eb) => eb.or([eb('t.visitor', 'is', null), eb('t.visitor', '=', 0)])),
      )
      .$if(workspaceIds !== undefined, (query) => query.where('v.workspace_id', 'in', workspaceIds!))
      .$if(scope.evenEmpty !== true, (query) => query.where('v.excerpt', '!=', ''))
      .orderBy('v.id')
      .limit(batchSize)
      .execute()
    return foundAll(rows)
  },

  async erase(tx, rows) {
    await tx.db.updateTable('guardrail_violations').set({ excerpt: '' }).where('id', 'in', idsOf(rows)).execute()
  },

  async read(database, ids) {
    const rows = await database.read
      .selectFrom('guardrail_violations as v')
      .innerJoin('workspaces as w', 'w.id', 'v.workspace_id')
      .leftJoin('apps as a', 'a.id', 'v.app_id')
      .selectAll('v')
      .select(['w.public_id as workspace', 'a.public_id as app'])
      .where('v.id', 'in', ids)
      .orderBy('v.id')
      .execute()
    return rows.map((row) => ({
      id: row.public_id,
      workspace_id: row.workspace,
      application_id: row.app,
      turn_id: row.turn_id,
      kind: row.kind,
      action: row.action,
      direction: row.direction,
      place: row.place,
      count: row.count,
      excerpt: row.excerpt,
      created_at: iso(row.created_at),
    }))
  },
}
