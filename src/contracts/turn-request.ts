import type { ConversationAsk } from './conversation.ts'
import type { Message } from './message.ts'
import type { Principal } from './principal.ts'

/**
 * What goes into a turn. Small by law: a field enters when three doors or upstreams need it; what only one upstream
 * understands travels in `providerOptions`.
 */
export interface TurnRequest {
  principal: Principal
  /** Which door asked (`openai`, `app`, `chat-socket`, ...): stored with the turn, decides nothing. */
  door: string
  target: TurnTarget
  /** Public id of the conversation to continue. Absent: a stateless turn, unless `newConversation` is set. */
  conversationId?: string
  /** Start a conversation for this turn when `conversationId` is absent or not yet known. */
  newConversation?: boolean
  /** Which conversation that is, and what becomes of it with this turn. */
  conversation?: ConversationAsk
  /**
   * The messages of this request. In a conversation the stored history comes before them; a stateless request
   * carries its history itself.
   */
  messages: Message[]
  sampling: Sampling
  tools: ToolSpec[]
  toolChoice?: ToolChoice
  /** `false`: at most one call in each answer of the model, where its upstream can promise that. */
  parallelToolCalls?: boolean
  /** `await`: a client tool's call waits for a `tool-result` command; `pause`: the turn ends paused and the client starts the next. */
  clientTools: 'await' | 'pause'
  responseFormat?: ResponseFormat
  /** Free pairs that the caller wants back with the turn. */
  metadata?: Record<string, unknown>
  idempotencyKey?: string
  /** `cancel-after-grace`: when the last reader left and none returned in time, the turn is cancelled. */
  leave: 'continue' | 'cancel-after-grace'
  /** `whole`: nobody watches it grow, so the upstream may be asked for the answer in one piece. */
  delivery: 'stream' | 'whole'
  /** Opaque to everything but the provider of that kind, e.g. `{ openai: { logit_bias: ... } }`. */
  providerOptions?: Record<string, Record<string, unknown>>
}

export type TurnTarget =
  /** A bare model, as OpenAI's clients name it. */
  | { type: 'model'; model: string }
  /** An app by public id. `model` is what the client asked for; the app's own model wins. `inputs` feed a workflow. */
  | { type: 'app'; appId: string; inputs?: Record<string, unknown> }

/** Absent means: the app's setting, else the upstream's default. */
export interface Sampling {
  temperature?: number
  topP?: number
  topK?: number
  maxOutputTokens?: number
  stop?: string[]
  presencePenalty?: number
  frequencyPenalty?: number
  seed?: number
  reasoningEffort?: 'none' | 'minimal' | 'low' | 'medium' | 'high' | 'xhigh' | 'max'
}

export interface ToolSpec {
  name: string
  description?: string
  /** JSON schema of the arguments object. */
  parameters?: Record<string, unknown>
  strict?: boolean
  /** Who runs it. */
  side: 'client' | 'server'
}

export type ToolChoice = 'auto' | 'none' | 'required' | { name: string }

export type ResponseFormat =
  | { type: 'text' }
  | { type: 'json' }
  | { type: 'json-schema'; name: string; description?: string; schema: Record<string, unknown>; strict?: boolean }
