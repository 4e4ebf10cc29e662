import type { History } from '#features/history/index.ts'
import { uuidFloor } from '#lib/uuid-floor.ts'
import type { Database, Transaction } from '#store/index.ts'
import { batchSize, foundUpTo, idsOf, iso, type Scope, span, type TextRow, type TextStore } from '../text-store.ts'
import { eraseWhatIsOver } from './conversations.ts'

const dayMs = 86_400_000

/** What was asked and answered, its way there, and its copy in the history. The turns themselves stay: they are the usage. */
export function turnStore(deps: { history: Pick<History, 'forget'> }): TextStore {
  return {
    name: 'turns',
    ordered: true,
    holds: {
      turn_inputs: ['messages'],
      turn_outputs: ['parts', 'log'],
      turn_checkpoints: ['events'],
      turns: ['error', 'metadata'],
      history_rows: ['object_id', 'external_user_id'],
      history_texts: ['text'],
    },

    async find(database, scope, after) {
      const start = after === 0 && scope.since !== undefined ? await firstSince(database, scope.since) : after
      const end = await endOf(database, scope, start)
      const rows = await rowsBetween(database, scope, start, end.through)
      return foundUpTo(rows, end.through, end.done)
    },

    async erase(tx, rows) {
      const ids = idsOf(rows)
      for (const table of ['turn_inputs', 'turn_outputs', 'turn_checkpoints'] as const)
        await tx.db.deleteFrom(table).where('turn_id', 'in', ids).execute()
      await tx.db.updateTable('turns').set({ metadata: null }).where('id', 'in', ids).execute()
      await blurErrors(tx, ids)
      await deps.history.forget(tx, ids)
      const conversations = new Set(rows.map((row) => row.conversationId).filter((id) => typeof id === 'number'))
      for (const id of conversations) await eraseWhatIsOver(tx, id)
    },

    async read(database, ids) {
      const rows = await database.read
        .selectFrom('turns as t')
        .innerJoin('workspaces as w', 'w.id', 't.workspace_id')
        .leftJoin('apps as a', 'a.id', 't.app_id')
        .leftJoin('conversations as c', 'c.id', 't.conversation_id')
        .leftJoin('turn_inputs as i', 'i.turn_id', 't.id')
        .leftJoin('turn_outputs as o', 'o.turn_id', 't.id')
        .selectAll('t')
        .select(['w.public_id as workspace', 'a.public_id as app', 'c.public_id as conversation'])
        .select(['i.messages', 'o.parts'])
        .where('t.id', 'in', ids)
        .orderBy('t.id')
        .execute()
      return rows.map((row) => ({
        id: row.public_id,
        workspace_id: row.workspace,
        application_id: row.app,
        conversation_id: row.conversation,
        door: row.door,
        model: row.model,
        status: row.status,
        error: parsed(row.error),
        metadata: parsed(row.metadata),
        messages: parsed(row.messages) ?? [],
        parts: parsed(row.parts) ?? [],
        usage: {
          input_tokens: row.input_tokens,
          output_tokens: row.output_tokens,
          cached_input_tokens: row.cached_input_tokens,
          reasoning_tokens: row.reasoning_tokens,
          estimated: row.estimated === 1,
        },
        cost_usd: row.cost_micros / 1e6,
        created_at: iso(row.created_at),
        ended_at: iso(row.ended_at),
      }))
    },
  }
}

/** A key before every turn that began at `ms` or later: one of a turn that began a day before, by the ids' own time. */
async function firstSince(database: Database, ms: number): Promise<number> {
  const row = await database.read
    .selectFrom('turns')
    .select('id')
    .where('public_id', '>=', uuidFloor(ms - dayMs))
    .orderBy('public_id')
    .limit(1)
    .executeTakeFirst()
  return row ? row.id - 1 : await newestTurn(database)
}

export async function newestTurn(database: Database): Promise<number> {
  const row = await database.read.selectFrom('turns').select('id').orderBy('id', 'desc').limit(1).executeTakeFirst()
  return row?.id ?? 0
}

/** Up to where to look this time. By age: not beyond the first turn that is too young, or runs, and so is not old yet. */
async function endOf(database: Database, scope: Scope, after: number): Promise<{ through: number; done: boolean }> {
  const newest = await newestTurn(database)
  const through = Math.max(after, Math.min(after + span, newest))
  if (scope.userId !== undefined) return { through, done: through >= newest }
  const young = await database.read
    .selectFrom('turns')
    .select('id')
    .where('id', '>', after)
    .where('id', '<=', through)
    .where((eb) => eb.or([eb('created_at', '>', scope.until), eb('status', '=', 'running')]))
    .orderBy('id')
    .limit(1)
    .executeTakeFirst()
  return young ? { through: young.id - 1, done: true } : { through, done: through >= newest }
}

function rowsBetween(database: Database, scope: Scope, after: number, through: number): Promise<TextRow[]> {
  return database.read
    .selectFrom('turns as t')
    .select(['t.id', 't.workspace_id as workspaceId', 't.app_id as appId', 't.conversation_id as conversationId'])
    .where('t.id', '>', after)
    .where('t.id', '<=', through)
    .where('t.status', '!=', 'running')
    .where('t.created_at', '<=', scope.until)
    .$if(scope.userId !== undefined, (query) => query.where('t.user_id', '=', scope.userId!).where('t.visitor', '=', 0))
    .$if(scope.workspaceIds !== undefined, (query) => query.where('t.workspace_id', 'in', scope.workspaceIds!))
    .$if(scope.evenEmpty !== true, (query) =>
      query.where((eb) =>
        eb.or([
          eb('t.metadata', 'is not', null),
          eb.exists(eb.selectFrom('turn_inputs as i').select('i.turn_id').whereRef('i.turn_id', '=', 't.id')),
          eb.exists(eb.selectFrom('turn_outputs as o').select('o.turn_id').whereRef('o.turn_id', '=', 't.id')),
          eb.exists(eb.selectFrom('turn_checkpoints as k').select('k.turn_id').whereRef('k.turn_id', '=', 't.id')),
        ]),
      ),
    )
    .orderBy('t.id')
    .limit(batchSize)
    .execute()
}

/** Of an error its code stays, which is counted; its words may repeat what was said. */
async function blurErrors(tx: Transaction, ids: readonly number[]): Promise<void> {
  const rows = await tx.db
    .selectFrom('turns')
    .select(['id', 'error'])
    .where('id', 'in', ids)
    .where('error', 'is not', null)
    .execute()
  for (const { id, error } of rows) {
    const { code } = JSON.parse(error!) as { code: string }
    const blurred = JSON.stringify({ code, message: 'Removed' })
    if (blurred !== error) await tx.db.updateTable('turns').set({ error: blurred }).where('id', '=', id).execute()
  }
}

/** Whether something of the user was, after `seen`, still to be written when his erasure was complete. */
export async function isLate(database: Database, scope: Scope, seen: number): Promise<boolean> {
  const row = await database.read
    .selectFrom('turns')
    .select('id')
    .where('id', '>', seen)
    .where('user_id', '=', scope.userId!)
    .where('visitor', '=', 0)
    .where('created_at', '<=', scope.until)
    .where('status', '!=', 'running')
    .$if(scope.workspaceIds !== undefined, (query) => query.where('workspace_id', 'in', scope.workspaceIds!))
    .where((eb) =>
      eb.or([
        eb('metadata', 'is not', null),
        eb.exists(eb.selectFrom('turn_inputs as i').select('i.turn_id').whereRef('i.turn_id', '=', 'turns.id')),
      ]),
    )
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}

/** The key up to which every turn of the user has ended. */
export async function settledUpTo(tx: Transaction, userId: number): Promise<number> {
  const turns = () => tx.db.selectFrom('turns').select('id').limit(1)
  const running = await turns()
    .where('status', '=', 'running')
    .where('user_id', '=', userId)
    .orderBy('id')
    .executeTakeFirst()
  const newest = running ?? (await turns().orderBy('id', 'desc').executeTakeFirst())
  return running ? running.id - 1 : (newest?.id ?? 0)
}

function parsed(json: string | null): unknown {
  return json === null ? null : JSON.parse(json)
}
