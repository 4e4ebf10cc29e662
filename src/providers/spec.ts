import type {
  FinishReason,
  Message,
  Price,
  ResponseFormat,
  Sampling,
  Source,
  ToolChoice,
  ToolSpec,
  Usage,
} from '#contracts/index.ts'
import type { ErrorInfo } from '#errors/index.ts'
import type { Batches } from '#lib/batches.ts'
import type { CancelSignal } from '#lib/cancellation.ts'
import type { HttpClient } from '#lib/http-client/index.ts'

/**
 * What an upstream model is to Parley. A provider translates one ModelCall to its wire and the wire's answer to
 * ModelParts; it keeps no state between calls, returns values and never bytes, and knows no door.
 */
export interface Provider {
  /** `openai-compatible`, `anthropic`, `google`, `builtin`. */
  kind: string
  /**
   * Runs one model call. Yields the parts that one read from the network brought, together, so that a consumer can
   * hand them on together. The last part of a call that went well is exactly one `finish`.
   *
   * Throws AppError only: upstream-* (see errors/codes), content-blocked, context-too-long, or cancelled when `signal`
   * aborted. A stream that ends without saying how it finished is `upstream-malformed`, never a `finish`.
   * When it throws, no connection is left open.
   */
  streamModel(call: ModelCall, io: ProviderIo): ModelStream
  /** Names of the models the upstream offers now. Throws AppError. */
  listModels(endpoint: Endpoint, io: ProviderIo): Promise<string[]>
  /** Asks the upstream's moderation endpoint: one opinion a text, in their order. Throws AppError. Absent: it has none. */
  moderate?(call: ModerationCall, io: ProviderIo): Promise<Opinion[]>
}

export interface ModelStream extends AsyncIterableIterator<ModelPart[]> {
  /** What the upstream has told of the input so far, where it does so before the end: all there is of a call that breaks off. */
  readonly toldInput?: InputUsage | undefined
}

export type InputUsage = Pick<Usage, 'inputTokens' | 'cachedInputTokens'>

export interface ModerationCall {
  endpoint: Endpoint
  /** The upstream's own name of it; absent: its default. */
  model?: string
  texts: readonly string[]
}

/** What a moderation endpoint thinks of one text. */
export interface Opinion {
  flagged: boolean
  /** The categories that it finds in the text. */
  categories: string[]
  /** Category → how sure it is, 0 to 1. */
  scores: Record<string, number>
}

/** Asks the moderation endpoint of the upstream with this name. Throws AppError; `not-found` when there is none. */
export type Moderate = (
  question: { upstream: string; model?: string; texts: readonly string[] },
  signal: AbortSignal,
) => Promise<Opinion[]>

export interface ProviderIo {
  signal: CancelSignal
  /** Whose connections to use. */
  http: HttpClient
  timeouts: Timeouts
}

/** Milliseconds. `firstPartMs` runs from sending to the first part; for `whole` calls `wholeMs` takes its place. */
export interface Timeouts {
  connectMs: number
  firstPartMs: number
  betweenPartsMs: number
  wholeMs: number
}

export interface Endpoint {
  /** Base URL with the protocol's version segment where it has one, e.g. `https://api.openai.com/v1`. No trailing slash. */
  url: string
  secret?: string
  headers?: Record<string, string>
}

export interface ModelCall {
  endpoint: Endpoint
  /** The upstream's own name of the model. */
  model: string
  /**
   * As they are stored: system messages may stand anywhere, an assistant message may hold a whole turn with its tool
   * calls, results and inputs. Providers cut them as their protocol wants (conversation.ts).
   */
  messages: Message[]
  sampling: Sampling
  tools: ToolSpec[]
  toolChoice?: ToolChoice
  parallelToolCalls?: boolean
  responseFormat?: ResponseFormat
  /** Only this provider's own slice of TurnRequest.providerOptions. Passed on as they are. */
  options: Record<string, unknown>
  /** Ask for the answer in one piece: one delta a part instead of many. */
  whole: boolean
}

/** `index` tells parallel tool inputs apart; any integers, in any order. */
export type ModelPart =
  /** `logprobs`: one entry a token, as the upstream wrote them. */
  | { type: 'text'; text: string; logprobs?: unknown[] }
  | { type: 'reasoning'; text: string }
  /** Ends the reasoning part under way and gives the proof the upstream wants back. */
  | { type: 'reasoning-end'; signature?: string }
  | { type: 'refusal'; text: string }
  | { type: 'audio'; data: string; transcript?: string; id?: string; expiresAt?: number; format?: string }
  | { type: 'tool-input-start'; index: number; callId: string; name: string; signature?: string }
  | { type: 'tool-input-delta'; index: number; text: string }
  | { type: 'source'; source: Source }
  | {
      type: 'finish'
      finishReason: FinishReason
      /** Absent when the upstream gave none, or figures that cannot be (negative, not integers): it is then estimated. */
      usage?: Usage
      /** The upstream's own id, fingerprint and tier of this answer, where it gave them. */
      responseId?: string
      systemFingerprint?: string
      serviceTier?: string
    }

/** A model call before an upstream was chosen for it: what the engine asks. `model` is the name offered outside. */
export interface ModelQuery extends Omit<ModelCall, 'endpoint' | 'options'> {
  /** By provider kind (`openai`, `anthropic`, `google`), as in TurnRequest. */
  providerOptions: Record<string, Record<string, unknown>>
}

/** An upstream that has begun to answer. Take `parts`, to the end or until you say false, or abort the signal it was opened with. */
export interface OpenedModel {
  /** The upstream's name (`openai`, `ollama`, ...). */
  upstream: string
  price: Price
  /** As Provider.streamModel; begins with the first part. To be taken once. */
  parts: Batches<ModelPart>
  /** As ModelStream. */
  toldInput?(): InputUsage | undefined
}

/**
 * Finds an upstream for the query and waits for its first part. Upstreams that fail before it are passed over
 * (`onRetry` hears of each). Throws AppError when none is left: the last upstream's, or `not-found` for a model nobody offers.
 */
export type OpenModel = (
  query: ModelQuery,
  options: { signal: CancelSignal; onRetry(error: ErrorInfo, upstream: string): void },
) => Promise<OpenedModel>
