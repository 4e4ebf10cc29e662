/**
 * The neutral conversation: what is stored, what the engine thinks in, what providers translate. No vendor's wire form.
 */

/** Where an answer's statement comes from. `score` is 0..1 within one answer. */
export interface Source {
  /** Stable within one turn: `s1`, `s2`, ... */
  id: string
  title: string
  url?: string
  /** The quoted passage. */
  content: string
  score?: number
  metadata?: Record<string, unknown>
}

export type Part =
  | { type: 'text'; text: string }
  /** `signature` must be handed back to the upstream that made it (Anthropic thinking, Google thought signatures). */
  | { type: 'reasoning'; text: string; signature?: string }
  | { type: 'refusal'; text: string }
  /** `url` is https: or data:. `detail` as OpenAI has it. */
  | { type: 'image'; url: string; detail?: 'auto' | 'low' | 'high' }
  /**
   * `data` is base64. `id`, `transcript` and `expiresAt` (unix s) only on audio that a model made; a client that names
   * such audio by its `id` gives no `data`.
   */
  | { type: 'audio'; data: string; format: string; id?: string; transcript?: string; expiresAt?: number }
  /** A document given with a message: inline base64 `data`, or a `url`, or `text` already extracted, or a stored file. */
  | { type: 'file'; name: string; mediaType: string; data?: string; url?: string; text?: string; fileId?: string }
  /** `arguments` is the raw JSON text as the model wrote it, possibly not valid JSON. `signature`: see reasoning. */
  | { type: 'tool-call'; callId: string; name: string; arguments: string; signature?: string }
  /** `result` is what the model reads: text, or JSON as text. */
  | { type: 'tool-result'; callId: string; name?: string; result: string; isError: boolean }
  /** A citation. Shown and stored, not sent to models. */
  | { type: 'source'; source: Source }
  /** Input that arrived while the turn ran (steering): a user message in the middle of an answer. */
  | { type: 'input'; parts: Part[] }

export type Role = 'system' | 'user' | 'assistant' | 'tool'

export interface Message {
  role: Role
  parts: Part[]
  /** The speaker's name, where the protocol has one. */
  name?: string
}

/** The text of a message whose author wrote it in parts: each begins a line, as none was meant to run into the next. */
export function linesOf(parts: readonly Part[]): string {
  return parts.flatMap((part) => (part.type === 'text' ? part.text : [])).join('\n')
}

/** The text a person would read in these parts, in order. */
export function textOf(parts: readonly Part[]): string {
  let text = ''
  for (const part of parts) if (part.type === 'text' || part.type === 'refusal') text += part.text
  return text
}
