import type { AppError, ErrorInfo } from '#errors/index.ts'
import type { ErrorShape } from '../gate/index.ts'
import { failure } from './envelope.ts'

/** Statuses that Nadoo's clients know (CONTRACTS §1.2): a value out of range is 422, what cannot be read at all is 400. */
function statusOf(error: AppError): number {
  if (error.code !== 'invalid-request') return error.status
  return error.details?.field === undefined || error.details.reason !== undefined ? 400 : 422
}

function messageOf(error: AppError, requestId: string): string {
  if (error.code === 'internal') return `Internal server error. Request ID: ${requestId}`
  if (error.code !== 'invalid-request') return error.message
  return statusOf(error) === 422 ? `Validation error: ${error.message}` : `Invalid request: ${error.message}`
}

export const appErrors: ErrorShape = {
  status: statusOf,
  body: (error, request) => failure(statusOf(error), messageOf(error, request.id)),
}

/** The streaming error codes of CONTRACTS §1.2. */
const streamingCodes: Partial<Record<ErrorInfo['code'], string>> = {
  'rate-limited': 'rate_limit',
  'quota-exceeded': 'rate_limit',
  'upstream-rate-limited': 'rate_limit',
  'context-too-long': 'context_overflow',
  'node-failed': 'tool_error',
  'upstream-timeout': 'timeout',
  unauthenticated: 'auth_error',
  forbidden: 'auth_error',
  'upstream-auth': 'auth_error',
}

/** An error within a stream. What is no affair of the provider keeps our own code. */
export function streamError(error: ErrorInfo): { code: string; message: string } {
  const own = error.code.startsWith('upstream-') ? 'provider_error' : error.code.replaceAll('-', '_')
  return { code: streamingCodes[error.code] ?? own, message: error.message }
}
