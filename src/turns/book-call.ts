import type { FinishReason, Usage } from '#contracts/index.ts'
import { uuidv7 } from '#lib/uuid.ts'
import type { TurnsDeps } from './deps.ts'
import { endColumns, insertTurnRows, type Settlement, writeEnd } from './rows.ts'

/** A model call that was made for somebody, but in no turn of his. */
export interface LooseCall {
  /** What it was for: in the place of a door's name. */
  purpose: string
  model: string
  upstream: string
  usage: Usage
  costMicros: number
  finishReason: FinishReason
}

/** Who made it, and whose money it costs. */
export interface Payer {
  workspaceId: number
  userId: number
  keyId: number | null
}

/**
 * Books such a call as a turn of its own, so that whoever adds up turns misses nothing. Nothing of what was said is
 * stored.
 */
export async function bookCall(
  { database, now }: Pick<TurnsDeps, 'database' | 'now'>,
  processId: string,
  payer: Payer,
  call: LooseCall,
): Promise<void> {
  const at = now()
  const { model, upstream, usage, costMicros, finishReason } = call
  const owner = {
    ...payer,
    publicId: uuidv7(at),
    appId: null,
    model,
  }
  const end: Settlement = {
    ...owner,
    workflow: false,
    upstream,
    status: 'completed',
    finishReason,
    error: null,
    usage,
    costMicros,
    parts: [],
    log: '[]',
    checkpointed: false,
    hits: [],
    startedAt: at,
    endedAt: at,
  }
  const row = {
    ...owner,
    ...endColumns(end),
    conversationId: null,
    door: call.purpose,
    processId,
    reservedMicros: 0,
    metadata: null,
    createdAt: at,
  }
  await database.write(async (tx) => {
    const id = await insertTurnRows(tx, row, '[]')
    await writeEnd(tx, { id, conversationId: null, reservedMicros: 0 }, end)
  })
}
