import type { ChatSettled, GuardrailHitNote, Part, Usage, WorkflowSettled } from '#contracts/index.ts'
import { recordHits } from '#features/guardrails/index.ts'
import { settleReserved } from '#metering/budget.ts'
import { statement, type Transaction, type TurnStatus } from '#store/index.ts'

/**
 * A turn's row. When it starts, `inputTokens` is an estimate, for the reaper if this process dies, and the figures of
 * its end are zero.
 */
export interface TurnRow {
  publicId: string
  workspaceId: number
  userId: number
  appId: number | null
  conversationId: number | null
  keyId: number | null
  door: string
  status: TurnStatus
  model: string
  processId: string
  reservedMicros: number
  metadata: string | null
  createdAt: number
  upstream: string
  inputTokens: number
  outputTokens: number
  cachedInputTokens: number
  reasoningTokens: number
  estimated: number
  costMicros: number
  finishReason: string | null
  error: string | null
  endedAt: number | null
}

const insertTurn = statement<TurnRow>('insert-turn', (db, p, dialect) => {
  const insert = db.insertInto('turns').values({
    public_id: p('publicId'),
    workspace_id: p('workspaceId'),
    user_id: p('userId'),
    app_id: p('appId'),
    conversation_id: p('conversationId'),
    key_id: p('keyId'),
    door: p('door'),
    status: p('status'),
    model: p('model'),
    upstream: p('upstream'),
    process_id: p('processId'),
    reserved_micros: p('reservedMicros'),
    input_tokens: p('inputTokens'),
    output_tokens: p('outputTokens'),
    cached_input_tokens: p('cachedInputTokens'),
    reasoning_tokens: p('reasoningTokens'),
    estimated: p('estimated'),
    cost_micros: p('costMicros'),
    finish_reason: p('finishReason'),
    error: p('error'),
    metadata: p('metadata'),
    created_at: p('createdAt'),
    ended_at: p('endedAt'),
  })
  // SQLite tells the new key without being asked for a row.
  return dialect === 'sqlite' ? insert : insert.returning('id')
})

const markVisitors = statement<{ turnId: number; visitor: number }>('mark-visitors-turn', (db, p) =>
  db
    .updateTable('turns')
    .set({ visitor: p('visitor') })
    .where('id', '=', p('turnId')),
)

const insertTurnInput = statement<{ turnId: number; messages: string }>('insert-turn-input', (db, p) =>
  db.insertInto('turn_inputs').values({ turn_id: p('turnId'), messages: p('messages') }),
)

const updateTurnInput = statement<{ turnId: number; messages: string }>('update-turn-input', (db, p) =>
  db
    .updateTable('turn_inputs')
    .set({ messages: p('messages') })
    .where('turn_id', '=', p('turnId')),
)

const nameConversation = statement<{ conversationId: number; title: string; unnamed: string }>(
  'name-conversation',
  (db, p) =>
    db
      .updateTable('conversations')
      .set({ title: p('title') })
      .where('id', '=', p('conversationId'))
      .where('title', '=', p('unnamed')),
)

const insertTurnOutput = statement<{ turnId: number; parts: string; log: string }>('insert-turn-output', (db, p) =>
  db.insertInto('turn_outputs').values({ turn_id: p('turnId'), parts: p('parts'), log: p('log') }),
)

/** Changes a row only while the turn is running: whoever comes second settles nothing. */
const endTurn = statement<EndColumns & { turnId: number; running: string }>('end-turn', (db, p) =>
  db
    .updateTable('turns')
    .set({
      status: p('status'),
      upstream: p('upstream'),
      input_tokens: p('inputTokens'),
      output_tokens: p('outputTokens'),
      cached_input_tokens: p('cachedInputTokens'),
      reasoning_tokens: p('reasoningTokens'),
      estimated: p('estimated'),
      cost_micros: p('costMicros'),
      finish_reason: p('finishReason'),
      error: p('error'),
      ended_at: p('endedAt'),
    })
    .where('id', '=', p('turnId'))
    .where('status', '=', p('running')),
)

export const insertCheckpoint = statement<{ turnId: number; seq: number; events: string }>(
  'insert-checkpoint',
  (db, p) => db.insertInto('turn_checkpoints').values({ turn_id: p('turnId'), seq: p('seq'), events: p('events') }),
)

const deleteCheckpoints = statement<{ turnId: number }>('delete-checkpoints', (db, p) =>
  db.deleteFrom('turn_checkpoints').where('turn_id', '=', p('turnId')),
)

const touchConversation = statement<{ conversationId: number; at: number }>('touch-conversation', (db, p) =>
  db
    .updateTable('conversations')
    .set({ updated_at: p('at') })
    .where('id', '=', p('conversationId')),
)

/** Writes the row and the messages of a turn; gives the row's key. */
export async function insertTurnRows(tx: Transaction, row: TurnRow, messages: string): Promise<number> {
  const { insertedId } = await tx.run(insertTurn, row)
  const turnId = insertedId!
  await tx.run(insertTurnInput, { turnId, messages })
  return turnId
}

/** Says that somebody asked who came with the app's access token. Few turns are visitors': others need no column for it. */
export async function markAsVisitors(tx: Transaction, turnId: number): Promise<void> {
  await tx.run(markVisitors, { turnId, visitor: 1 })
}

/** Writes the messages of a turn that was started before they might be stored, and names its conversation after them. */
export async function writeInput(
  tx: Transaction,
  { id: turnId, conversationId }: StartedTurn,
  input: { messages: string; title: string },
): Promise<void> {
  await tx.run(updateTurnInput, { turnId, messages: input.messages })
  const name = (id: number) => tx.run(nameConversation, { conversationId: id, title: input.title, unnamed: '' })
  if (conversationId !== null) tx.atEnd('conversations', conversationId, () => name(conversationId))
}

/** How a turn ended, as columns of its row. */
type EndColumns = Pick<
  TurnRow,
  | 'status'
  | 'upstream'
  | 'inputTokens'
  | 'outputTokens'
  | 'cachedInputTokens'
  | 'reasoningTokens'
  | 'estimated'
  | 'costMicros'
  | 'finishReason'
  | 'error'
  | 'endedAt'
>

/** All that the end of a turn leaves behind. */
export interface Settlement {
  publicId: string
  workspaceId: number
  userId: number
  appId: number | null
  /** A run of a workflow, by somebody who has an account and is told of its end. */
  workflow: boolean
  keyId: number | null
  model: string
  upstream: string
  status: Exclude<TurnStatus, 'running'>
  finishReason: string
  error: string | null
  usage: Usage
  costMicros: number
  parts: Part[]
  log: string
  checkpointed: boolean
  /** What guardrails found in it. */
  hits: readonly GuardrailHitNote[]
  startedAt: number
  endedAt: number
}

/** What the start of a turn left behind: the key of its row, where it belongs, and what was reserved for it. */
export interface StartedTurn {
  id: number
  conversationId: number | null
  reservedMicros: number
  /** Its messages were not yet to be stored, and are not. */
  isInputOpen?: boolean
}

/** The end as columns; given to the insert when a turn is written once only. */
export function endColumns(end: Settlement): EndColumns {
  return {
    status: end.status,
    upstream: end.upstream,
    inputTokens: end.usage.inputTokens,
    outputTokens: end.usage.outputTokens,
    cachedInputTokens: end.usage.cachedInputTokens,
    reasoningTokens: end.usage.reasoningTokens,
    estimated: end.usage.estimated ? 1 : 0,
    costMicros: end.costMicros,
    finishReason: end.finishReason,
    error: end.error,
    endedAt: end.endedAt,
  }
}

/**
 * The one settlement: answer, usage, money and the event for the subscribers, all or nothing, and only if the turn
 * is still running. Returns false when somebody else has settled it.
 */
export async function settle(tx: Transaction, start: StartedTurn, end: Settlement): Promise<boolean> {
  const { changes } = await tx.run(endTurn, { turnId: start.id, running: 'running', ...endColumns(end) })
  if (changes === 0) return false
  await writeEnd(tx, start, end)
  return true
}

/** Everything of a settlement but the turn's own row. */
export async function writeEnd(tx: Transaction, start: StartedTurn, end: Settlement): Promise<void> {
  const { conversationId } = start
  await tx.run(insertTurnOutput, { turnId: start.id, parts: JSON.stringify(end.parts), log: end.log })
  if (end.checkpointed) await tx.run(deleteCheckpoints, { turnId: start.id })
  const touch = (id: number) => tx.run(touchConversation, { conversationId: id, at: end.endedAt })
  if (conversationId !== null) tx.atEnd('conversations', conversationId, () => touch(conversationId))
  const recorded = recordHits(tx, end, end.hits)
  if (recorded) await recorded
  settleReserved(tx, end.workspaceId, start.reservedMicros, end.costMicros)
  tx.tell({
    type: 'turn-settled',
    turnId: end.publicId,
    workspaceId: end.workspaceId,
    userId: end.userId,
    appId: end.appId,
    conversationId,
    keyId: end.keyId,
    model: end.model,
    upstream: end.upstream,
    status: end.status,
    usage: end.usage,
    costMicros: end.costMicros,
    startedAt: end.startedAt,
    endedAt: end.endedAt,
  })
  if (end.workflow && end.appId !== null) tx.tell(workflowSettled(end, end.appId))
  if (end.appId !== null || conversationId !== null) tx.tell(chatSettled(start))
}

/** Of its own for the same reason: a stateless turn is in no history. */
function chatSettled({ id }: StartedTurn): ChatSettled {
  return { type: 'chat-settled', turn: id }
}

/** An event of its own, so that all the turns that are none cost the subscribers nothing more. */
function workflowSettled(end: Settlement, appId: number): WorkflowSettled {
  const { workspaceId, userId, publicId: turnId, status } = end
  return { type: 'workflow-settled', workspaceId, userId, appId, turnId, status }
}
