import type { TextStore } from '../text-store.ts'

/** More places than anybody clears; what is beyond is found by the next pass. */
const most = 1_000

/** What somebody declared over: which object of his program, and which of its users. A row is known by its place. */
export const clearStore: TextStore = {
  name: 'conversation_clears',
  holds: { conversation_clears: ['object_id', 'external_user_id'] },

  async find(database, scope) {
    const { userId, workspaceIds, until } = scope
    const rows = await database.read
      .selectFrom('conversation_clears as k')
      .leftJoin('apps as a', 'a.id', 'k.app_id')
      .select(['k.app_id as place', 'a.workspace_id as workspaceOfApp'])
      .distinct()
      .where('k.cleared_at', '<=', until)
      .$if(userId !== undefined, (query) => query.where('k.user_id', '=', userId!))
      .$if(workspaceIds !== undefined, (query) =>
        query.where((eb) =>
          eb.or([
            eb('a.workspace_id', 'in', workspaceIds!),
            eb(
              'k.app_id',
              'in',
              workspaceIds!.map((id) => -id),
            ),
          ]),
        ),
      )
      .orderBy('k.app_id')
      .limit(most)
      .execute()
    const found = rows.map(({ place, workspaceOfApp }) => ({
      id: place,
      workspaceId: place < 0 ? -place : workspaceOfApp,
      anyHold: true as const,
    }))
    return { rows: found, reached: 0, done: true }
  },

  async erase(tx, rows, scope) {
    await tx.db
      .deleteFrom('conversation_clears')
      .where(
        'app_id',
        'in',
        rows.map((row) => row.id),
      )
      .where('cleared_at', '<=', scope.until)
      .$if(scope.userId !== undefined, (query) => query.where('user_id', '=', scope.userId!))
      .execute()
  },

  read: async () => [],
}
