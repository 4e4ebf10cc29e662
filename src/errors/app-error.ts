import { type ErrorCode, errorCodes } from './codes.ts'

/** What may be told about a failure: no cause, no stack, no upstream body. */
export interface ErrorInfo {
  code: ErrorCode
  message: string
  details?: ErrorDetails
  retryAfterMs?: number
}

/** `field` is a path in the request as the caller wrote it (`messages[0].role`); `upstream` the name of an upstream. */
export interface ErrorDetails {
  field?: string
  /** Why the field was refused, where a door's protocol tells these apart; otherwise its value is out of range. */
  reason?: 'missing' | 'malformed'
  upstream?: string
  [name: string]: unknown
}

/** The only error class that rooms throw on purpose. `cause` is logged, never sent. */
export class AppError extends Error {
  readonly code: ErrorCode
  readonly details?: ErrorDetails
  readonly retryAfterMs?: number

  constructor(
    code: ErrorCode,
    message: string,
    options: { details?: ErrorDetails; cause?: unknown; retryAfterMs?: number } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'AppError'
    this.code = code
    if (options.details) this.details = options.details
    if (options.retryAfterMs !== undefined) this.retryAfterMs = options.retryAfterMs
  }

  /** HTTP status of this code (see the table). */
  get status(): number {
    return errorCodes[this.code].status
  }

  /** Whether the same request may succeed later. */
  get retryable(): boolean {
    return errorCodes[this.code].retry
  }
}

/** Any thrown value → AppError. What is not one becomes `internal` with a message that says nothing. */
export function toAppError(thrown: unknown): AppError {
  if (thrown instanceof AppError) return thrown
  return new AppError('internal', 'Internal server error', { cause: thrown })
}

/** The part of an error that may leave the process. */
export function errorInfo(thrown: unknown): ErrorInfo {
  const error = toAppError(thrown)
  return {
    code: error.code,
    message: error.message,
    ...(error.details && { details: error.details }),
    ...(error.retryAfterMs !== undefined && { retryAfterMs: error.retryAfterMs }),
  }
}

/** `invalid-request` that names its field. */
export function invalid(field: string, message: string, reason?: ErrorDetails['reason']): AppError {
  return new AppError('invalid-request', message, { details: { field, ...(reason && { reason }) } })
}
