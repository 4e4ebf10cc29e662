/** The wire of the Messages API, as far as it is read or written here. What comes in may always be missing. */

export type Block =
  | { type: 'text'; text: string }
  | { type: 'image'; source: MediaSource }
  | { type: 'document'; source: MediaSource | { type: 'text'; media_type: 'text/plain'; data: string }; title?: string }
  | { type: 'thinking'; thinking: string; signature: string }
  | { type: 'redacted_thinking'; data: string }
  | { type: 'tool_use'; id: string; name: string; input: Record<string, unknown> }
  | { type: 'tool_result'; tool_use_id: string; content: string; is_error?: true }

/** Stands before the data of redacted thinking where that is kept as a signature. Signatures are base64 and have no colon. */
export const redacted = 'redacted:'

export type MediaSource = { type: 'base64'; media_type: string; data: string } | { type: 'url'; url: string }

export interface RequestMessage {
  role: 'user' | 'assistant'
  content: Block[]
}

export type MessagesRequest = {
  model: string
  messages: RequestMessage[]
  max_tokens: number
  stream: boolean
} & Record<string, unknown>

export interface AnswerBlock {
  type?: string
  text?: string
  thinking?: string
  signature?: string
  /** Of redacted thinking. */
  data?: string
  id?: string
  name?: string
  input?: unknown
  citations?: Citation[] | null
}

export interface Citation {
  url?: string
  title?: string | null
  document_title?: string | null
  cited_text?: string
}

export interface BlockDelta {
  type?: string
  text?: string
  thinking?: string
  signature?: string
  partial_json?: string
  citation?: Citation
}

export interface WireUsage {
  input_tokens?: unknown
  output_tokens?: unknown
  cache_creation_input_tokens?: unknown
  cache_read_input_tokens?: unknown
  service_tier?: unknown
}

/** A whole answer, and what `message_start` carries. */
export interface AnswerMessage {
  type?: string
  id?: string
  content?: AnswerBlock[]
  stop_reason?: string | null
  usage?: WireUsage | null
  error?: unknown
}

export interface StreamEvent {
  type?: string
  index?: number
  message?: AnswerMessage
  content_block?: AnswerBlock
  delta?: BlockDelta & { stop_reason?: string | null }
  usage?: WireUsage | null
  error?: unknown
}
