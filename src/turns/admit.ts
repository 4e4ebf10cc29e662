import { AppError } from '#errors/index.ts'
import { insertRow } from '#features/conversations/index.ts'
import { sha256 } from '#lib/hash.ts'
import { reserve } from '#metering/budget.ts'
import { isUniqueViolation, type Transaction } from '#store/index.ts'
import type { TurnsDeps } from './deps.ts'
import type { PreparedTurn } from './prepare.ts'
import { insertTurn, insertTurnInput } from './rows.ts'

/** The rows of a started turn. */
export interface AdmittedTurn {
  /** Key of the turn's row. */
  id: number
  conversationId: number | null
  reservedMicros: number
}

/** Answer tokens that are paid for in advance where the request sets no limit. */
const reservedOutputTokens = 4_096

/**
 * Writes a turn's start: its row, its messages, its conversation if new, its Idempotency-Key, and the money it may
 * need at most. Resolves when that is on disk. Throws `quota-exceeded`, or a unique violation when another request
 * with the same Idempotency-Key or session was faster.
 */
export async function admit(deps: TurnsDeps, processId: string, turn: PreparedTurn): Promise<AdmittedTurn> {
  const { request, conversation } = turn
  const { principal } = request
  const limited = await deps.budgets.isLimited(principal.workspace.id)
  const reservedMicros = limited ? mayCost(turn) : 0
  const createdAt = deps.now()
  const messages = JSON.stringify(turn.messages)
  const requestHash = request.idempotencyKey === undefined ? undefined : hashOf(turn)

  return deps.database.write(async (tx) => {
    const conversationId = conversation?.draft ? await insertRow(tx, conversation.draft) : (conversation?.id ?? null)
    if (limited) await reserve(tx, principal.workspace.id, reservedMicros)
    const { rows } = await tx.run(insertTurn, {
      publicId: turn.publicId,
      workspaceId: principal.workspace.id,
      userId: principal.user.id,
      appId: turn.app?.id ?? null,
      conversationId,
      keyId: principal.key?.id ?? null,
      door: request.door,
      status: 'running',
      model: turn.model,
      processId,
      reservedMicros,
      inputTokens: turn.inputTokens,
      metadata: request.metadata ? JSON.stringify(request.metadata) : null,
      createdAt,
      zero: 0,
      none: '',
    })
    const id = rows[0]!.id as number
    await tx.run(insertTurnInput, { turnId: id, messages })
    if (requestHash !== undefined) await remember(tx, turn, id, requestHash, createdAt)
    return { id, conversationId, reservedMicros }
  })
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
export async function findByIdempotencyKey(deps: TurnsDeps, turn: PreparedTurn): Promise<string | undefined> {
  const { principal, idempotencyKey } = turn.request
  const row = await deps.database.read
    .selectFrom('idempotency_keys as k')
    .innerJoin('turns as t', 't.id', 'k.turn_id')
    .select(['k.request_hash', 't.public_id'])
    .where('k.workspace_id', '=', principal.workspace.id)
    .where('k.user_id', '=', principal.user.id)
    .where('k.key', '=', idempotencyKey!)
    .executeTakeFirst()
  if (!row) return undefined
  if (row.request_hash !== hashOf(turn))
    throw new AppError('conflict', 'This Idempotency-Key was used with another request', {
      details: { field: 'Idempotency-Key' },
    })
  return row.public_id
}

export { isUniqueViolation }

/** Everything a caller said; who says it is in the key of the row. */
function hashOf(turn: PreparedTurn): string {
  const { principal: _, idempotencyKey: __, ...said } = turn.request
  return sha256(JSON.stringify(said))
}

function mayCost(turn: PreparedTurn): number {
  const { price, inputTokens, engine } = turn
  const output = engine.sampling.maxOutputTokens ?? reservedOutputTokens
  return Math.ceil((inputTokens * price.input + output * price.output) / 1e6)
}
