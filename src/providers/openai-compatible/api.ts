/**
 * The wire of chat completions, as far as it is read or written here. Answers are typed as what servers that call
 * themselves compatible really send: everything may be missing or null.
 */

export type ContentPart =
  | { type: 'text'; text: string }
  | { type: 'image_url'; image_url: { url: string; detail?: string } }
  | { type: 'input_audio'; input_audio: { data: string; format: string } }
  | { type: 'file'; file: { filename: string; file_data: string } }

export interface RequestToolCall {
  id: string
  type: 'function'
  function: { name: string; arguments: string }
  extra_content?: { google: { thought_signature: string } }
}

export type RequestMessage =
  | { role: 'system'; content: string; name?: string }
  | { role: 'user'; content: string | ContentPart[]; name?: string }
  | {
      role: 'assistant'
      content: string | null
      name?: string
      refusal?: string
      audio?: { id: string }
      reasoning_content?: string
      tool_calls?: RequestToolCall[]
    }
  | { role: 'tool'; tool_call_id: string; content: string }

export type ChatRequest = {
  model: string
  messages: RequestMessage[]
  stream: boolean
  stream_options?: Record<string, unknown>
} & Record<string, unknown>

export interface AnswerToolCall {
  index?: number | null
  id?: string | null
  function?: { name?: string | null; arguments?: unknown } | null
  extra_content?: { google?: { thought_signature?: string } } | null
}

export interface Delta {
  content?: string | { type?: string; text?: string; thinking?: unknown }[] | null
  reasoning_content?: string | null
  reasoning?: string | null
  reasoning_details?: { type?: string; text?: string | null; summary?: string; signature?: string | null }[] | null
  refusal?: string | null
  tool_calls?: AnswerToolCall[] | null
  function_call?: { name?: string | null; arguments?: unknown } | null
  audio?: { id?: string; data?: string; transcript?: string; expires_at?: number } | null
  annotations?: { type?: string; url_citation?: Citation | null }[] | null
}

export interface Citation {
  url?: string
  title?: string
  content?: string
  /** Where in the answer it stands. */
  start_index?: number
  end_index?: number
}

export interface Choice {
  index?: number
  /** In streamed chunks. */
  delta?: Delta | null
  /** In whole answers. */
  message?: Delta | null
  finish_reason?: string | null
  logprobs?: { content?: unknown[] | null } | null
}

export interface WireUsage {
  prompt_tokens?: unknown
  completion_tokens?: unknown
  total_tokens?: unknown
  prompt_tokens_details?: { cached_tokens?: unknown } | null
  completion_tokens_details?: { reasoning_tokens?: unknown } | null
  /** DeepSeek's name for cached_tokens. */
  prompt_cache_hit_tokens?: unknown
}

/** A streamed chunk, or a whole answer. */
export interface Completion {
  id?: string
  object?: string
  choices?: Choice[] | null
  usage?: WireUsage | null
  /** Groq's place for usage. */
  x_groq?: { usage?: WireUsage; error?: unknown } | null
  system_fingerprint?: string | null
  service_tier?: string | null
  error?: unknown
}

export interface WireError {
  message?: unknown
  type?: unknown
  code?: unknown
}
