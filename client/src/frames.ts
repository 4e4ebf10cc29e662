/** The frames of /ws/chat/{session_id}, as the server sends them (CONTRACTS §1.7 of Parley's docs). */
import type { ErrorCode, ErrorInfo } from './errors.ts'

/** How a turn ended. `paused`: it handed tool calls to its caller, who goes on with a new turn. */
export type Outcome = 'completed' | 'failed' | 'cancelled' | 'interrupted' | 'paused'
/** What became of a command: done; too late, the turn was over; or the turn does not wait for this. */
export type CommandOutcome = 'applied' | 'ended' | 'ignored'

export interface Usage {
  prompt_tokens: number
  completion_tokens: number
  total_tokens: number
  prompt_tokens_details?: { cached_tokens: number }
  completion_tokens_details?: { reasoning_tokens: number }
  /** The upstream told no figures. */
  estimated: boolean
  cost_usd: number
}

export interface Source {
  content: string
  score: number | null
  metadata: { source: string; url?: string } & Record<string, unknown>
}

/** In every frame of a turn. `seq` is the event's place in its turn. */
interface OfTurn {
  turn_id: string
  seq: number
  timestamp: string
}

/** What happens in a turn. A turn ends with `response_end`, or with `error` when it failed. */
export type TurnEvent = OfTurn &
  (
    | { type: 'response_start'; message_id: string; chat_id: string | null; request_id?: string }
    | { type: 'text-delta'; text: string; part: number; index: number }
    /** The text of this part is this, whatever it was. */
    | { type: 'text-reset'; text: string; part: number; index: number }
    | { type: 'thinking'; content: string; part: number }
    | { type: 'thinking-reset'; content: string; part: number }
    /** `arguments` is JSON as the model wrote it, which may be none. */
    | { type: 'tool_call'; tool_call_id: string; name: string; arguments: string }
    | { type: 'tool_result'; tool_call_id: string; name: string; result: string; is_error: boolean }
    | { type: 'sources'; sources: Source[] }
    | {
        type: 'response_end'
        message_id: string
        full_response: string
        tokens_used: number
        /** Seconds. */
        response_time: number
        status: Outcome
        usage: Usage
      }
    | ({ type: 'error'; message_id: string; status: Outcome; usage: Usage; kept_seq?: number } & ErrorFields)
  )

export interface ErrorFields {
  code: ErrorCode
  message: string
  field?: string
  retry_after_ms?: number
}

/** An answer to one frame of ours, or none's: then something that this connection was to show was lost. */
export type Answer =
  | { type: 'cancel_result' | 'command_result'; outcome: CommandOutcome; request_id?: string }
  | ({ type: 'error'; turn_id?: undefined; request_id?: string } & ErrorFields)

export type ServerFrame =
  | TurnEvent
  | Answer
  | { type: 'connected'; session_id: string; user_id: string; timestamp: string }
  | { type: 'typing' | 'user_disconnected'; user_id: string; session_id: string; timestamp: string }
  | { type: 'pong'; timestamp: string }

/** One message of the socket. Undefined: nothing that this client understands, for instance a newer server's. */
export function readFrame(data: unknown): ServerFrame | undefined {
  if (typeof data !== 'string') return undefined
  try {
    const frame: unknown = JSON.parse(data)
    return typeof frame === 'object' && frame !== null && 'type' in frame ? (frame as ServerFrame) : undefined
  } catch {
    return undefined
  }
}

export function isOfTurn(frame: ServerFrame): frame is TurnEvent {
  return 'turn_id' in frame && 'seq' in frame
}

export function errorInfo({ code, message, field, retry_after_ms: retryAfterMs }: ErrorFields): ErrorInfo {
  return { code, message, ...(field !== undefined && { field }), ...(retryAfterMs !== undefined && { retryAfterMs }) }
}
