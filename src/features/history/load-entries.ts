import type { Message, Part } from '#contracts/index.ts'
import type { Database } from '#store/index.ts'
import { answerOf, eventOf, type HistoryEntry, questionOf } from './entry.ts'

/** Entries of these turn keys, in their order. One that was removed meanwhile is left out. */
export async function loadEntries(database: Database, turnIds: readonly number[]): Promise<HistoryEntry[]> {
  if (turnIds.length === 0) return []
  const rows = await database.read
    .selectFrom('history_rows as h')
    .innerJoin('turns as t', 't.id', 'h.turn_id')
    .innerJoin('users as u', 'u.id', 'h.user_id')
    .leftJoin('turn_inputs as i', 'i.turn_id', 'h.turn_id')
    .leftJoin('turn_outputs as o', 'o.turn_id', 'h.turn_id')
    .select([
      'h.turn_id as key',
      'h.object_id',
      'h.external_user_id',
      'h.visitor',
      't.public_id',
      't.door',
      't.metadata',
      't.created_at',
      't.ended_at',
      'u.public_id as user_public_id',
      'i.messages',
      'o.parts',
    ])
    .select((eb) => [
      eb
        .selectFrom('conversation_clears as k')
        .select('k.through')
        .whereRef('k.user_id', '=', 'h.user_id')
        .whereRef('k.app_id', '=', 'h.place')
        .whereRef('k.through', '>=', 'h.turn_id')
        .where((k) => k.or([k('k.object_id', '=', ''), k('k.object_id', '=', k.ref('h.object_id'))]))
        .where((k) =>
          k.or([k('k.external_user_id', '=', ''), k('k.external_user_id', '=', k.ref('h.external_user_id'))]),
        )
        .where('h.visitor', '=', 0)
        .limit(1)
        .as('cleared'),
      eb
        .selectFrom('feedback as f')
        .select('f.is_positive')
        .whereRef('f.turn_id', '=', 'h.turn_id')
        .orderBy('f.updated_at', 'desc')
        .orderBy('f.id', 'desc')
        .limit(1)
        .as('positive'),
    ])
    .where('h.turn_id', 'in', turnIds)
    .execute()
  const byKey = new Map(rows.map((row) => [row.key, row]))
  return turnIds.flatMap((key) => {
    const row = byKey.get(key)
    if (!row) return []
    const event = eventOf(row.door, row.metadata)
    return [
      {
        turnId: row.public_id,
        userId: row.user_public_id,
        objectId: row.object_id,
        externalUserId: row.external_user_id,
        question: row.messages === null ? '' : questionOf(JSON.parse(row.messages) as Message[]),
        answer: row.parts === null ? '' : answerOf(JSON.parse(row.parts) as Part[]),
        isVisitors: row.visitor === 1,
        isCleared: row.cleared !== null,
        isPositive: row.positive === null ? null : row.positive === 1,
        ...(event && { event }),
        createdAt: row.created_at,
        endedAt: row.ended_at ?? row.created_at,
      },
    ]
  })
}
