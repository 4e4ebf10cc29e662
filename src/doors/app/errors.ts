import { streamingCode } from '#dialects/streaming-code.ts'
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

/** An error within a stream. */
export function streamError(error: ErrorInfo): { code: string; message: string } {
  return { code: streamingCode(error.code), message: error.message }
}
