import type { TurnRequest } from '#contracts/index.ts'
import { AppError } from '#errors/index.ts'
import { changeSettings, insertRow } from '#features/conversations/index.ts'
import { sha256 } from '#lib/hash.ts'
import { reserve } from '#metering/budget.ts'
import type { Transaction } from '#store/index.ts'
import type { TurnsDeps } from './deps.ts'
import type { PreparedTurn } from './prepare.ts'
import { insertTurnRows, markAsVisitors, type Settlement, type StartedTurn, type TurnRow } from './rows.ts'

/** Answer tokens that are paid for in advance where the request sets no limit. */
const reservedOutputTokens = 4_096

/**
 * The start of a turn as a piece of work for a transaction: its conversation if new, the money it may need at most,
 * its row and messages, its Idempotency-Key. With `end`, a turn that is over already is written in one go. Throws
 * `quota-exceeded`, or a unique violation when another request with the same Idempotency-Key or session was faster.
 */
export function admission(
  processId: string,
  turn: PreparedTurn,
  limited: boolean,
): (tx: Transaction, end?: Settlement) => Promise<StartedTurn> {
  const { request, conversation } = turn
  const { principal } = request
  const reservedMicros = limited ? mayCost(turn) : 0
  const requestHash = request.idempotencyKey === undefined ? undefined : hashOf(request)

  return async (tx, end) => {
    const conversationId = conversation?.draft
      ? await insertRow(tx, conversation.draft)
      : (conversation?.row?.id ?? null)
    const changed = conversation?.changed
    if (changed && conversationId !== null)
      tx.atEnd('conversations', conversationId, () => changeSettings(tx, conversationId, changed))
    if (limited) reserve(tx, principal.workspace.id, reservedMicros)
    const isInputOpen = turn.input?.isOpen === true
    const row = rowOf(turn, end, processId, conversationId, reservedMicros)
    const id = await insertTurnRows(tx, row, isInputOpen ? '[]' : JSON.stringify(turn.messages))
    if (principal.app !== undefined) await markAsVisitors(tx, id)
    if (requestHash !== undefined) await remember(tx, turn, id, requestHash, turn.createdAt)
    return { id, conversationId, reservedMicros, isInputOpen }
  }
}

/** The row of a turn that starts, or of one that is over already. */
function rowOf(
  turn: PreparedTurn,
  end: Settlement | undefined,
  processId: string,
  conversationId: number | null,
  reservedMicros: number,
): TurnRow {
  const { request } = turn
  const { principal } = request
  const usage = end?.usage
  return {
    publicId: turn.publicId,
    workspaceId: principal.workspace.id,
    userId: principal.user.id,
    appId: turn.app?.id ?? null,
    conversationId,
    keyId: principal.key?.id ?? null,
    door: request.door,
    status: end?.status ?? 'running',
    model: turn.model,
    processId,
    reservedMicros,
    metadata: request.metadata ? JSON.stringify(request.metadata) : null,
    createdAt: turn.createdAt,
    upstream: end?.upstream ?? '',
    inputTokens: usage?.inputTokens ?? turn.inputTokens,
    outputTokens: usage?.outputTokens ?? 0,
    cachedInputTokens: usage?.cachedInputTokens ?? 0,
    reasoningTokens: usage?.reasoningTokens ?? 0,
    estimated: usage?.estimated ? 1 : 0,
    costMicros: end?.costMicros ?? 0,
    finishReason: end?.finishReason ?? null,
    error: end?.error ?? null,
    endedAt: end?.endedAt ?? null,
  }
}

function remember(tx: Transaction, turn: PreparedTurn, turnId: number, requestHash: string, at: number) {
  const { principal, idempotencyKey } = turn.request
  return tx.db
    .insertInto('idempotency_keys')
    .values({
      workspace_id: principal.workspace.id,
      user_id: principal.user.id,
      key: idempotencyKey!,
      request_hash: requestHash,
      turn_id: turnId,
      created_at: at,
    })
    .execute()
}

/**
 * The turn that an earlier request with this Idempotency-Key started. Throws `conflict` when that request was another
 * one: answering this one with that one's turn would be wrong, running it would break the promise of the key.
 */
export async function findByIdempotencyKey(
  deps: Pick<TurnsDeps, 'database'>,
  request: TurnRequest,
): Promise<string | undefined> {
  const { principal, idempotencyKey } = request
  const row = await deps.database.read
    .selectFrom('idempotency_keys as k')
    .innerJoin('turns as t', 't.id', 'k.turn_id')
    .select(['k.request_hash', 't.public_id'])
    .where('k.workspace_id', '=', principal.workspace.id)
    .where('k.user_id', '=', principal.user.id)
    .where('k.key', '=', idempotencyKey!)
    .executeTakeFirst()
  if (!row) return undefined
  if (row.request_hash !== hashOf(request))
    throw new AppError('conflict', 'This Idempotency-Key was used with another request', {
      details: { field: 'Idempotency-Key' },
    })
  return row.public_id
}

/** Everything a caller said; who says it is in the key of the row. */
function hashOf(request: TurnRequest): string {
  const { principal: _, idempotencyKey: __, ...said } = request
  return sha256(JSON.stringify(said))
}

function mayCost(turn: PreparedTurn): number {
  const { price, inputTokens, engine } = turn
  const output = engine.sampling.maxOutputTokens ?? reservedOutputTokens
  return Math.ceil((inputTokens * price.input + output * price.output) / 1e6)
}
