/** A turn's own log (docs/TURNS.md of Parley): everything that happened in it, whichever door it came through. */
import type { Outcome } from './frames.ts'
import type { LogSource, Part } from './resources.ts'

/** An event in its place. `at` is Unix milliseconds, `path` locates nested work. */
export interface Envelope {
  turnId: string
  seq: number
  at: number
  path: string[]
  event: LogEvent
}

export interface LogUsage {
  inputTokens: number
  outputTokens: number
  cachedInputTokens: number
  reasoningTokens: number
  estimated: boolean
}

export type FinishReason = 'stop' | 'length' | 'tool-calls' | 'content-filter' | 'error' | 'cancelled'
export type PartKind = 'text' | 'reasoning' | 'refusal' | 'audio' | 'tool-input'
type Side = 'client' | 'server'
interface LogError {
  code: string
  message: string
  details?: { field?: string; upstream?: string; keptSeq?: number; [name: string]: unknown }
  retryAfterMs?: number
}
interface Sound {
  transcript?: string
  id?: string
  expiresAt?: number
  format?: string
}

/** The events that servers make now; take what you do not know for nothing. */
export type LogEvent =
  | { type: 'turn-start'; conversationId?: string; appId?: string; model: string; metadata?: Record<string, unknown> }
  | {
      type: 'turn-end'
      outcome: Outcome
      finishReason: FinishReason
      error?: LogError
      usage: LogUsage
      costMicros: number
    }
  | { type: 'model-start'; step: number; model: string; upstream: string }
  | {
      type: 'model-end'
      step: number
      model: string
      upstream: string
      finishReason: FinishReason
      usage: LogUsage
      costMicros: number
      latencyMs: number
      responseId?: string
      systemFingerprint?: string
      serviceTier?: string
    }
  | { type: 'part-start'; part: number; kind: PartKind; callId?: string; name?: string; side?: Side }
  | { type: 'text-delta'; part: number; text: string; logprobs?: unknown[] }
  | { type: 'reasoning-delta' | 'refusal-delta' | 'tool-input-delta'; part: number; text: string }
  | ({ type: 'audio-delta'; part: number; text: string } & Sound)
  | { type: 'part-end'; part: number; signature?: string }
  /** Replaces what you have of this part. */
  | ({ type: 'part-reset'; part: number; kind: PartKind; text: string; logprobs?: unknown[] } & Sound)
  | { type: 'tool-call'; part: number; callId: string; name: string; arguments: string; side: Side }
  | { type: 'tool-result'; callId: string; name: string; result: string; isError: boolean }
  | { type: 'source'; source: LogSource }
  | { type: 'input'; parts: Part[] }
  | { type: 'context-trim'; strategy: 'truncate' | 'summarize'; originalTokens: number; trimmedTokens: number }
  | { type: 'memory-update'; memory: 'buffer' | 'summary' | 'knowledge_graph'; messagesRetained: number }
