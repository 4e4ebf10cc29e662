import { sql } from 'kysely'
import type { Message, Part } from '#contracts/index.ts'
import type { Database, HistoryRowsTable, Transaction } from '#store/index.ts'
import { answerOf, eventOf, isToolEvent, questionOf } from './entry.ts'
import { searchable } from './fold.ts'
import { bucketOf } from './list-rows.ts'
import { placeOf } from './selection.ts'

/** What a statement may bind has a limit in both databases. */
const atOnce = 500

interface NewRow extends Omit<HistoryRowsTable, 'n'> {
  text: string
}

/**
 * Gives ended turns their rows: a number in their place in the order of their ends, their text, and the counts. Turns
 * that have one already, are gone, or whose conversation is gone, are left out.
 */
export async function indexTurns(
  tx: Transaction,
  dialect: Database['dialect'],
  turnIds: readonly number[],
): Promise<void> {
  for (let at = 0; at < turnIds.length; at += atOnce) {
    const rows = await readTurns(tx, dialect, turnIds.slice(at, at + atOnce))
    // In one order everywhere: a place is held by its row until the commit, and two processes must not wait for each other.
    for (const [place, own] of [...Map.groupBy(rows, (row) => row.place)].sort(([a], [b]) => a - b))
      await appendRows(tx, place, own)
  }
}

/** In the order of their ends. */
async function readTurns(tx: Transaction, dialect: Database['dialect'], turnIds: readonly number[]): Promise<NewRow[]> {
  const turns = await tx.db
    .selectFrom('turns as t')
    // What was said is gone where the text has been removed since.
    .innerJoin('turn_inputs as i', 'i.turn_id', 't.id')
    .leftJoin('conversations as c', 'c.id', 't.conversation_id')
    .leftJoin('turn_outputs as o', 'o.turn_id', 't.id')
    .leftJoin('history_rows as h', 'h.turn_id', 't.id')
    .select(['t.id', 't.workspace_id', 't.app_id', 't.user_id', 't.conversation_id', 't.door', 't.metadata'])
    .select(['t.visitor', 'i.messages', 'o.parts', 'c.object_id', 'c.external_user_id'])
    .where('t.id', 'in', turnIds)
    .where('t.status', '!=', 'running')
    .where('h.turn_id', 'is', null)
    .where((eb) => eb.or([eb('t.conversation_id', 'is', null), eb('c.id', 'is not', null)]))
    .orderBy('t.ended_at')
    .orderBy('t.id')
    // What is being removed at this moment is waited for and left out; what is removed later is found here.
    .$if(dialect === 'postgres', (query) => query.forKeyShare('i'))
    .execute()
  return turns.map((turn) => ({
    turn_id: turn.id,
    place: placeOf({ appId: turn.app_id, workspaceId: turn.workspace_id }),
    user_id: turn.user_id,
    conversation_id: turn.conversation_id,
    object_id: turn.object_id,
    external_user_id: turn.external_user_id,
    tool_event: isToolEvent(eventOf(turn.door, turn.metadata)) ? 1 : 0,
    visitor: turn.visitor,
    text: searchable(
      questionOf(JSON.parse(turn.messages) as Message[]),
      turn.parts === null ? '' : answerOf(JSON.parse(turn.parts) as Part[]),
    ),
  }))
}

async function appendRows(tx: Transaction, place: number, rows: readonly NewRow[]): Promise<void> {
  const { last_n: last } = await tx.db
    .insertInto('history_places')
    .values({ place, last_n: rows.length, sealed: 0 })
    .onConflict((conflict) =>
      conflict.column('place').doUpdateSet({ last_n: sql`history_places.last_n + excluded.last_n` }),
    )
    .returning('last_n')
    .executeTakeFirstOrThrow()
  const numbered = rows.map(({ text, ...row }, index) => ({ ...row, n: last - rows.length + 1 + index }))
  await tx.db.insertInto('history_rows').values(numbered).execute()
  await tx.db
    .insertInto('history_texts')
    .values(rows.map(({ turn_id, text }) => ({ turn_id, text })))
    .execute()
  await count(tx, numbered, 1)
}

/** Adds rows to the counts, or with -1 takes them away. */
export async function count(
  tx: Transaction,
  rows: readonly { place: number; n: number; user_id: number; tool_event: number; visitor: number }[],
  sign: 1 | -1,
): Promise<void> {
  const counts = new Map<
    string,
    { place: number; user_id: number; bucket: number; rows: number; tool_events: number }
  >()
  for (const row of rows) {
    const bucket = bucketOf(row.n)
    for (const user_id of row.visitor === 1 ? [0] : [0, row.user_id]) {
      const name = `${row.place} ${user_id} ${bucket}`
      const known = counts.get(name) ?? { place: row.place, user_id, bucket, rows: 0, tool_events: 0 }
      known.rows += sign
      known.tool_events += sign * row.tool_event
      counts.set(name, known)
    }
  }
  const values = [...counts.values()].sort((a, b) => a.place - b.place || a.user_id - b.user_id || a.bucket - b.bucket)
  for (let at = 0; at < values.length; at += atOnce)
    await tx.db
      .insertInto('history_counts')
      .values(values.slice(at, at + atOnce))
      .onConflict((conflict) =>
        conflict.columns(['place', 'user_id', 'bucket']).doUpdateSet({
          rows: sql`history_counts.rows + excluded.rows`,
          tool_events: sql`history_counts.tool_events + excluded.tool_events`,
        }),
      )
      .execute()
}

/** Takes turns out of the history, text and all. Their numbers are not given again. */
export async function forgetTurns(tx: Transaction, turnIds: readonly number[]): Promise<void> {
  for (let at = 0; at < turnIds.length; at += atOnce) {
    const some = turnIds.slice(at, at + atOnce)
    const rows = await tx.db
      .deleteFrom('history_rows')
      .where('turn_id', 'in', some)
      .returning(['place', 'n', 'user_id', 'tool_event', 'visitor'])
      .execute()
    await tx.db.deleteFrom('history_texts').where('turn_id', 'in', some).execute()
    await count(tx, rows, -1)
  }
}
