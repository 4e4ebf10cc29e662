/** What went wrong. The server's words (its docs/ERRORS.md, last column), and this client's own, which come first. */
export type ErrorCode =
  /** `close` was called. */
  | 'closed'
  /** No answer: the request failed on its way, or the answer was none of Parley's. */
  | 'connection_failed'
  /** Too much is waiting to be sent. */
  | 'outbox_full'
  /** The connection broke after a steer was sent: nobody knows whether it arrived, and twice would be wrong. */
  | 'unknown_outcome'
  | 'auth_error'
  | 'cancelled'
  | 'conflict'
  | 'content_blocked'
  | 'consumer_too_slow'
  | 'context_overflow'
  | 'graph_invalid'
  | 'internal'
  | 'interrupted'
  | 'invalid_request'
  | 'not_found'
  | 'outbound_refused'
  | 'overloaded'
  | 'provider_error'
  | 'rate_limit'
  | 'timeout'
  | 'tool_error'
  | 'too_large'
  | 'unsupported'
  | 'upgrade_required'
  /** Servers learn new words. */
  | (string & {})

export interface ErrorInfo {
  code: ErrorCode
  message: string
  /** The field of the request that was refused. */
  field?: string
  /** When the same may be tried again. */
  retryAfterMs?: number
}

/** The only error that this client throws. */
export class ParleyError extends Error implements ErrorInfo {
  readonly code: ErrorCode
  readonly field?: string
  readonly retryAfterMs?: number

  constructor(info: ErrorInfo, cause?: unknown) {
    super(info.message, cause === undefined ? undefined : { cause })
    this.name = 'ParleyError'
    this.code = info.code
    if (info.field !== undefined) this.field = info.field
    if (info.retryAfterMs !== undefined) this.retryAfterMs = info.retryAfterMs
  }
}

export function parleyError(code: ErrorCode, message: string, cause?: unknown): ParleyError {
  return new ParleyError({ code, message }, cause)
}

const passing = new Set<ErrorCode>(['connection_failed', 'overloaded', 'provider_error', 'timeout', 'rate_limit'])

/** Whether a look at something is worth another try. */
export function isPassing(thrown: unknown): thrown is ParleyError {
  return thrown instanceof ParleyError && (passing.has(thrown.code) || thrown.retryAfterMs !== undefined)
}
