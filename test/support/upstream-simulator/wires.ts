/** The true wire of each vendor, written from neutral moves. Knows no sockets. */
import { anthropicWire } from './anthropic-wire.ts'
import { googleWire } from './google-wire.ts'
import { openAiWire } from './openai-wire.ts'

export type Vendor = 'openai-compatible' | 'anthropic' | 'google'

export interface ToolCallMove {
  /** Default `call_1`, `call_2`, ... */
  id?: string
  name: string
  /** JSON text, in one or several deltas. */
  arguments: string | readonly string[]
  /** Gemini's proof. */
  signature?: string
}

/** One thing the model says. */
export type Move = { text: string } | { refusal: string } | { reasoning: string } | { toolCall: ToolCallMove }

export type Finish = 'stop' | 'length' | 'tool-calls' | 'content-filter'

/** `input` includes `cached`; `output` includes `reasoning`. Written as they are, also when they cannot be. */
export interface WireTokens {
  input: number
  output: number
  cached?: number
  reasoning?: number
}

export interface Ending {
  finish: Finish
  /** Absent: the answer has no usage at all. */
  tokens?: WireTokens
  /** Tell the tokens two times. */
  twice?: boolean
}

export interface WireContext {
  model: string
  /** Counts the answers of one simulator, from 1. */
  number: number
  /** The request's body. */
  body: Record<string, unknown>
  /** Tokens that are told at the beginning, where a protocol does that. */
  tokens?: WireTokens | undefined
  /** Proof of reasoning, told at the end of it. */
  signature: string
}

/** Writes one answer; keeps track of where it is. */
export interface Wire {
  /** Frames before the first token. */
  open(): string
  /** Frames of one move: one frame a delta. */
  move(move: Move): string[]
  /** The last frames. */
  close(ending: Ending): string
  /** The answer in one piece. */
  whole(moves: readonly Move[], ending: Ending): object
  /** An error told in the middle of a stream. */
  error(): string
  /** A frame whose JSON is broken. */
  malformed(): string
}

export const wires: Record<Vendor, (context: WireContext) => Wire> = {
  'openai-compatible': openAiWire,
  anthropic: anthropicWire,
  google: googleWire,
}

/** What the vendor's API says with an error status. Quotes the key, as some do. */
export function errorBody(vendor: Vendor, status: number, key: string): object {
  const message = status === 401 ? `Incorrect API key provided: ${key}` : `Something went wrong (${status})`
  if (vendor === 'anthropic') {
    const types: Record<number, string> = {
      401: 'authentication_error',
      429: 'rate_limit_error',
      529: 'overloaded_error',
    }
    const type = types[status] ?? (status >= 500 ? 'api_error' : 'invalid_request_error')
    return { type: 'error', error: { type, message }, request_id: 'req_sim' }
  }
  if (vendor === 'google') {
    const names: Record<number, string> = {
      401: 'UNAUTHENTICATED',
      429: 'RESOURCE_EXHAUSTED',
      500: 'INTERNAL',
      503: 'UNAVAILABLE',
    }
    return { error: { code: status, message, status: names[status] ?? 'INVALID_ARGUMENT' } }
  }
  const types: Record<number, string> = { 401: 'invalid_request_error', 429: 'requests' }
  const codes: Record<number, string> = { 401: 'invalid_api_key', 429: 'rate_limit_exceeded' }
  const type = types[status] ?? (status >= 500 ? 'server_error' : 'invalid_request_error')
  return { error: { message, type, param: null, code: codes[status] ?? null } }
}

/** Arguments as the list of their deltas. */
export function argumentDeltas(call: ToolCallMove): readonly string[] {
  return typeof call.arguments === 'string' ? [call.arguments] : call.arguments
}
