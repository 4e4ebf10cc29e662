import type { ErrorInfo } from '#errors/index.ts'
import type { Part, Source } from './message.ts'
import type { Usage } from './usage.ts'

/**
 * What comes out of a turn: one closed union. Every frame of every door is a pure function of it (docs/TURNS.md).
 * Names are noun-verb; the verbs are start, delta, end, request, result, reset.
 */
export type TurnEvent =
  // --- the turn itself: first and last event of every turn, one each
  | { type: 'turn-start'; conversationId?: string; appId?: string; model: string; metadata?: Record<string, unknown> }
  | {
      type: 'turn-end'
      outcome: TurnOutcome
      finishReason: FinishReason
      error?: ErrorInfo
      usage: Usage
      costMicros: number
    }
  // --- one call of a model
  | { type: 'model-start'; step: number; model: string; upstream: string }
  | {
      type: 'model-end'
      step: number
      model: string
      upstream: string
      finishReason: FinishReason
      usage: Usage
      costMicros: number
      latencyMs: number
      responseId?: string
      systemFingerprint?: string
      serviceTier?: string
    }
  // --- parts of the answer, numbered from 0 in the order they began; each is started once and ended once
  /** `callId`, `name` and `side` (who runs the tool) on tool inputs only. */
  | {
      type: 'part-start'
      part: number
      kind: PartKind
      callId?: string
      name?: string
      side?: 'client' | 'server'
    }
  | { type: 'text-delta'; part: number; text: string; logprobs?: unknown[] }
  | { type: 'reasoning-delta'; part: number; text: string }
  | { type: 'refusal-delta'; part: number; text: string }
  | {
      type: 'audio-delta'
      part: number
      text: string
      transcript?: string
      id?: string
      expiresAt?: number
      format?: string
    }
  | { type: 'tool-input-delta'; part: number; text: string }
  /** `signature`: opaque proof that some upstreams want back with the part. */
  | { type: 'part-end'; part: number; signature?: string }
  /** The part in full, for a reader whose cursor points into what is no longer kept delta by delta. */
  | {
      type: 'part-reset'
      part: number
      kind: PartKind
      text: string
      logprobs?: unknown[]
      transcript?: string
      id?: string
      expiresAt?: number
      format?: string
    }
  // --- tools
  | { type: 'tool-call'; part: number; callId: string; name: string; arguments: string; side: 'client' | 'server' }
  | { type: 'tool-result'; callId: string; name: string; result: string; isError: boolean }
  // --- what the answer rests on, what came in between, what was left out
  | { type: 'source'; source: Source }
  | { type: 'input'; parts: Part[] }
  | { type: 'context-trim'; strategy: 'truncate' | 'summarize'; originalTokens: number; trimmedTokens: number }
  | { type: 'memory-update'; memory: 'buffer' | 'summary' | 'knowledge_graph'; messagesRetained: number }
  | { type: 'suggestion'; questions: string[] }
  /** Something went wrong and the turn goes on (an upstream failed and the next one is tried). */
  | { type: 'retry'; error: ErrorInfo; upstream?: string }
  // --- agents
  | { type: 'iteration-start'; iteration: number; maxIterations: number }
  | { type: 'thought'; content: string; step?: number }
  | { type: 'reflection'; critique: string; refinement: string }
  | { type: 'plan-update'; phase: string; status: string; content?: string }
  | { type: 'task-update'; task: Record<string, unknown>; step?: Record<string, unknown>; event: string }
  // --- workflows
  | { type: 'run-start'; runId: string; workflowId: string }
  | {
      type: 'run-end'
      runId: string
      workflowId: string
      outcome: TurnOutcome
      durationMs: number
      result?: Record<string, unknown>
      error?: ErrorInfo
    }
  | { type: 'node-start'; nodeId: string; nodeType: string; nodeName: string; properties?: Record<string, unknown> }
  | { type: 'node-progress'; nodeId: string; progress: number; total: number; chunk?: string }
  | {
      type: 'node-end'
      nodeId: string
      nodeType: string
      nodeName: string
      outcome: 'completed' | 'failed' | 'skipped'
      output: Record<string, unknown>
      error?: ErrorInfo
      durationMs: number
    }
  | { type: 'node-output'; nodeId: string; nodeName: string; name: string; value: unknown; valueType: string }
  | { type: 'node-log'; nodeId: string; nodeName: string; content: string; severity: 'info' | 'warning' | 'error' }
  | { type: 'edge-update'; edgeId: string; status: string; counter?: number }
  // --- the turn waits for a person
  | { type: 'approval-request'; requestId: string; callId: string; name: string; arguments: string }
  | { type: 'answer-request'; requestId: string; form: Record<string, unknown> }
  | { type: 'request-result'; requestId: string; approved?: boolean; values?: Record<string, unknown> }

export type PartKind = 'text' | 'reasoning' | 'refusal' | 'audio' | 'tool-input'

/** `paused`: the turn handed tool calls or a question to its caller and ended; the caller goes on with a new turn. */
export type TurnOutcome = 'completed' | 'failed' | 'cancelled' | 'interrupted' | 'paused'

export type FinishReason = 'stop' | 'length' | 'tool-calls' | 'content-filter' | 'error' | 'cancelled'

/** The five events that carry a piece of a part; all others are durable. */
export type DeltaEvent = Extract<TurnEvent, { type: `${string}-delta` }>
export type TurnStart = Extract<TurnEvent, { type: 'turn-start' }>
export type TurnEnd = Extract<TurnEvent, { type: 'turn-end' }>

/** Who may see an event; filtered before any encoder. `caller`: who asked; `members`: also others of the conversation. */
export type Audience = 'caller' | 'members' | 'internal'

/** An event in its place. `seq` counts from 1 without gaps within a turn; `at` is unix ms; `path` locates nested work. */
export interface Envelope {
  turnId: string
  seq: number
  at: number
  audience: Audience
  path: readonly string[]
  event: TurnEvent
}

const deltaTypes = new Set<TurnEvent['type']>([
  'text-delta',
  'reasoning-delta',
  'refusal-delta',
  'audio-delta',
  'tool-input-delta',
])

export function isDelta(event: TurnEvent): event is DeltaEvent {
  return deltaTypes.has(event.type)
}
