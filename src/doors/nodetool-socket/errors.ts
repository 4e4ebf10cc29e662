import { type ErrorInfo, errorCodes } from '#errors/index.ts'
import type { Fields } from './codec.ts'

/** What of an error may be told, and in the words of this protocol. */
export interface ToldError {
  message: string
  code: string
  field?: string
  /** Seconds. */
  retry_after?: number
}

/** Fields of a TurnRequest as this protocol calls them. */
const fieldNames: Record<string, string> = { session_id: 'thread_id', application_id: 'workflow_id' }

export function toldError(error: ErrorInfo): ToldError {
  const field = error.details?.field
  return {
    message: error.code === 'internal' ? 'Internal server error' : error.message,
    code: error.code,
    ...(field !== undefined && { field: fieldNames[field] ?? field }),
    ...(error.retryAfterMs !== undefined && { retry_after: Math.max(1, Math.ceil(error.retryAfterMs / 1000)) }),
  }
}

const connectionErrors = new Set<ErrorInfo['code']>(['upstream-unreachable', 'upstream-timeout'])

/** CONTRACTS §2.4 knows two types of error; a status is what HTTP would have answered. */
export function errorFrame(error: ErrorInfo, more: Fields = {}): Fields {
  const kind = connectionErrors.has(error.code)
    ? { error_type: 'connection_error' }
    : { error_type: 'http_status_error', status_code: errorCodes[error.code].status }
  return { type: 'error', ...toldError(error), ...kind, ...more }
}
