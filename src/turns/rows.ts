import type { Part, Usage } from '#contracts/index.ts'
import { settleReserved } from '#metering/budget.ts'
import { statement, type Transaction, type TurnStatus } from '#store/index.ts'

/** What is written when a turn starts. `inputTokens` is an estimate, for the reaper if this process dies. */
export interface TurnStartRow {
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
  inputTokens: number
  metadata: string | null
  createdAt: number
  zero: number
  none: string
}

export const insertTurn = statement<TurnStartRow>('insert-turn', (db, p) =>
  db
    .insertInto('turns')
    .values({
      public_id: p('publicId'),
      workspace_id: p('workspaceId'),
      user_id: p('userId'),
      app_id: p('appId'),
      conversation_id: p('conversationId'),
      key_id: p('keyId'),
      door: p('door'),
      status: p('status'),
      model: p('model'),
      upstream: p('none'),
      process_id: p('processId'),
      reserved_micros: p('reservedMicros'),
      input_tokens: p('inputTokens'),
      output_tokens: p('zero'),
      cached_input_tokens: p('zero'),
      reasoning_tokens: p('zero'),
      estimated: p('zero'),
      cost_micros: p('zero'),
      metadata: p('metadata'),
      created_at: p('createdAt'),
    })
    .returning('id'),
)

export const insertTurnInput = statement<{ turnId: number; messages: string }>('insert-turn-input', (db, p) =>
  db.insertInto('turn_inputs').values({ turn_id: p('turnId'), messages: p('messages') }),
)

export const insertTurnOutput = statement<{ turnId: number; parts: string; log: string }>(
  'insert-turn-output',
  (db, p) => db.insertInto('turn_outputs').values({ turn_id: p('turnId'), parts: p('parts'), log: p('log') }),
)

export interface TurnEndRow {
  turnId: number
  running: string
  status: TurnStatus
  upstream: string
  inputTokens: number
  outputTokens: number
  cachedInputTokens: number
  reasoningTokens: number
  estimated: number
  costMicros: number
  finishReason: string
  error: string | null
  endedAt: number
}

/** Changes a row only while the turn is running: whoever comes second settles nothing. */
export const endTurn = statement<TurnEndRow>('end-turn', (db, p) =>
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

export const deleteCheckpoints = statement<{ turnId: number }>('delete-checkpoints', (db, p) =>
  db.deleteFrom('turn_checkpoints').where('turn_id', '=', p('turnId')),
)

export const touchConversation = statement<{ conversationId: number; at: number }>('touch-conversation', (db, p) =>
  db
    .updateTable('conversations')
    .set({ updated_at: p('at') })
    .where('id', '=', p('conversationId')),
)

/** All that the end of a turn leaves behind. */
export interface Settlement {
  turnId: number
  publicId: string
  workspaceId: number
  userId: number
  appId: number | null
  conversationId: number | null
  keyId: number | null
  model: string
  upstream: string
  status: Exclude<TurnStatus, 'running'>
  finishReason: string
  error: string | null
  usage: Usage
  costMicros: number
  reservedMicros: number
  parts: Part[]
  log: string
  checkpointed: boolean
  startedAt: number
  endedAt: number
}

/**
 * The one settlement: answer, usage, money and the event for the subscribers, all or nothing, and only if the turn
 * is still running. Returns false when somebody else has settled it.
 */
export async function settle(tx: Transaction, end: Settlement): Promise<boolean> {
  const { changes } = await tx.run(endTurn, {
    turnId: end.turnId,
    running: 'running',
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
  })
  if (changes === 0) return false
  await tx.run(insertTurnOutput, { turnId: end.turnId, parts: JSON.stringify(end.parts), log: end.log })
  if (end.checkpointed) await tx.run(deleteCheckpoints, { turnId: end.turnId })
  if (end.conversationId !== null)
    await tx.run(touchConversation, { conversationId: end.conversationId, at: end.endedAt })
  await settleReserved(tx, end.workspaceId, end.reservedMicros, end.costMicros)
  tx.tell({
    type: 'turn-settled',
    turnId: end.publicId,
    workspaceId: end.workspaceId,
    userId: end.userId,
    appId: end.appId,
    conversationId: end.conversationId,
    keyId: end.keyId,
    model: end.model,
    upstream: end.upstream,
    status: end.status,
    usage: end.usage,
    costMicros: end.costMicros,
    startedAt: end.startedAt,
    endedAt: end.endedAt,
  })
  return true
}
