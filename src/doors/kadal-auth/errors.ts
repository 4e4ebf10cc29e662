import { kadalError } from '#dialects/kadal-errors.ts'
import type { AppError } from '#errors/index.ts'
import type { ErrorShape } from '../gate/index.ts'

/** Kadal's own endpoints. */
export const kadalErrors: ErrorShape = {
  status: (error) => error.status,
  body: (error, request) => kadalError(error, request.id),
}

/** What RFC 6749 §5.2 calls a field that is not as it should be. */
const byField: Record<string, string> = {
  refresh_token: 'invalid_grant',
  scope: 'invalid_scope',
  grant_type: 'unsupported_grant_type',
}

/** What is in the request, but wrong, has names of its own; what is missing or cannot be read has not. */
function nameOf(error: AppError): string {
  const { field, reason } = error.details ?? {}
  if (error.status >= 500) return error.status === 503 ? 'temporarily_unavailable' : 'server_error'
  if (error.code === 'unauthenticated') return 'invalid_client'
  if (error.code === 'forbidden') return 'unauthorized_client'
  if (error.code === 'rate-limited') return 'temporarily_unavailable'
  return (reason === undefined && field !== undefined && byField[field]) || 'invalid_request'
}

/** RFC 6749 §5.2 allows visible ASCII without quotation marks and backslashes. */
function plain(text: string): string {
  return text.replaceAll(/["\\]/g, "'").replaceAll(/[^\x20-\x7e]/g, '?')
}

/** The token endpoint, as OAuth clients read it. */
export const oauthErrors: ErrorShape = {
  status: (error) => error.status,
  body: (error, request) => ({
    error: nameOf(error),
    error_description:
      error.code === 'internal' ? `Internal server error. Request ID: ${request.id}` : plain(error.message),
  }),
}
