import type { Generated } from 'kysely'

/** A turn from start to settlement, with what keeps it a single one: the key of a repeated request, the lease of its process. */
export interface TurnTables {
  turns: TurnsTable
  turn_inputs: TurnInputsTable
  turn_outputs: TurnOutputsTable
  turn_checkpoints: TurnCheckpointsTable
  idempotency_keys: IdempotencyKeysTable
  processes: ProcessesTable
}

export type TurnStatus = 'running' | 'completed' | 'failed' | 'cancelled' | 'interrupted' | 'paused'

/** One row a turn, and its usage record at the same time: narrow, written twice. */
export interface TurnsTable {
  id: Generated<number>
  public_id: string
  workspace_id: number
  user_id: number
  app_id: number | null
  conversation_id: number | null
  key_id: number | null
  door: string
  status: TurnStatus
  model: string
  upstream: string
  process_id: string
  reserved_micros: number
  input_tokens: number
  output_tokens: number
  cached_input_tokens: number
  reasoning_tokens: number
  estimated: number
  cost_micros: number
  finish_reason: string | null
  error: string | null
  metadata: string | null
  /** 1: asked by somebody who came with the app's access token. */
  visitor: Generated<number>
  created_at: number
  ended_at: number | null
}

/** What the turn was asked: its new messages, JSON of Message[]. */
export interface TurnInputsTable {
  turn_id: number
  messages: string
}

/** What it answered: JSON of Part[], and the order it happened in (turns/stored-log.ts). `log` may be pruned. */
export interface TurnOutputsTable {
  turn_id: number
  parts: string
  log: string | null
}

/** The log of a running turn up to its last checkpoint: JSON of Envelope[], in order of `seq` (the last one in the row). */
export interface TurnCheckpointsTable {
  turn_id: number
  seq: number
  events: string
}

export interface IdempotencyKeysTable {
  workspace_id: number
  user_id: number
  key: string
  request_hash: string
  turn_id: number
  created_at: number
}

export interface ProcessesTable {
  id: string
  lease_until: number
}
