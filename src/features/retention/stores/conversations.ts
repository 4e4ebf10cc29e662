import type { Transaction } from '#store/index.ts'
import { batchSize, foundAll, foundUpTo, idsOf, iso, span, type TextStore } from '../text-store.ts'

const columns = ['title', 'external_id', 'settings', 'object_id', 'external_user_id'] as const

/** What conversations are called, by their people and by their programs. */
export const conversationStore: TextStore = {
  name: 'conversations',
  ordered: true,
  holds: { conversations: columns },

  async find(database, scope, after) {
    const { userId, workspaceIds, until } = scope
    const rows = (through?: number) =>
      database.read
        .selectFrom('conversations')
        .select(['id', 'workspace_id as workspaceId', 'app_id as appId', 'id as conversationId'])
        .where('id', '>', after)
        .where('created_at', '<=', until)
        .$if(through !== undefined, (query) => query.where('id', '<=', through!))
        .$if(userId !== undefined, (query) => query.where('user_id', '=', userId!).where('visitor', '=', 0))
        .$if(workspaceIds !== undefined, (query) => query.where('workspace_id', 'in', workspaceIds!))
        .$if(scope.evenEmpty !== true, (query) =>
          query.where((eb) =>
            eb.or([
              eb('title', '!=', ''),
              eb('external_id', 'is not', null),
              eb('settings', '!=', '{}'),
              eb('object_id', 'is not', null),
              eb('external_user_id', 'is not', null),
            ]),
          ),
        )
        .orderBy('id')
        .limit(batchSize)
        .execute()
    if (userId !== undefined) return foundAll(await rows())
    const next = database.read.selectFrom('conversations').select('id').where('id', '>', after).orderBy('id')
    const newest = await database.read
      .selectFrom('conversations')
      .select('id')
      .orderBy('id', 'desc')
      .limit(1)
      .executeTakeFirst()
    const young = await next
      .where('id', '<=', after + span)
      .where('created_at', '>', until)
      .limit(1)
      .executeTakeFirst()
    const last = Math.max(after, Math.min(after + span, newest?.id ?? 0))
    const through = young ? young.id - 1 : last
    return foundUpTo(await rows(through), through, young !== undefined || through >= (newest?.id ?? 0))
  },

  async erase(tx, rows, scope) {
    if (scope.userId !== undefined) return empty(tx, idsOf(rows))
    for (const { id } of rows) await eraseWhatIsOver(tx, id)
  },

  async read(database, ids) {
    const rows = await database.read
      .selectFrom('conversations as c')
      .innerJoin('workspaces as w', 'w.id', 'c.workspace_id')
      .leftJoin('apps as a', 'a.id', 'c.app_id')
      .selectAll('c')
      .select(['w.public_id as workspace', 'a.public_id as app'])
      .where('c.id', 'in', ids)
      .orderBy('c.id')
      .execute()
    return rows.map((row) => ({
      id: row.public_id,
      workspace_id: row.workspace,
      application_id: row.app,
      session_id: row.external_id,
      title: row.title,
      status: row.status,
      settings: JSON.parse(row.settings),
      object_id: row.object_id,
      external_user_id: row.external_user_id,
      created_at: iso(row.created_at),
      updated_at: iso(row.updated_at),
    }))
  },
}

/** A conversation is called after the first thing that was said in it; with the last of it its other texts are over too. */
export async function eraseWhatIsOver(tx: Transaction, id: number): Promise<void> {
  const said = await tx.db
    .selectFrom('turns as t')
    .innerJoin('turn_inputs as i', 'i.turn_id', 't.id')
    .select('t.id')
    .where('t.conversation_id', '=', id)
    .orderBy('t.id', 'desc')
    .limit(1)
    .executeTakeFirst()
  if (!said) return empty(tx, [id])
  const first = await tx.db
    .selectFrom('turns as t')
    .leftJoin('turn_inputs as i', 'i.turn_id', 't.id')
    .select('i.turn_id')
    .where('t.conversation_id', '=', id)
    .orderBy('t.id')
    .limit(1)
    .executeTakeFirst()
  if (first?.turn_id === null)
    await tx.db.updateTable('conversations').set({ title: '' }).where('id', '=', id).where('title', '!=', '').execute()
}

async function empty(tx: Transaction, ids: readonly number[]): Promise<void> {
  await tx.db
    .updateTable('conversations')
    .set({ title: '', external_id: null, settings: '{}', object_id: null, external_user_id: null })
    .where('id', 'in', ids)
    .execute()
}
