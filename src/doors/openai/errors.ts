import { type AppError, errorCodes } from '#errors/index.ts'
import type { ErrorShape } from '../gate/index.ts'

/** CoAI's documented type names by HTTP status (CONTRACTS §3.2). */
const types: Record<number, string> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  409: 'invalid_request_error',
  413: 'invalid_request_error',
  426: 'invalid_request_error',
  429: 'rate_limit_error',
  500: 'internal_server_error',
}

/** Codes that OpenAI's clients know by another name; all others keep ours, with underscores. */
const codes: Partial<Record<AppError['code'], string>> = {
  unauthenticated: 'invalid_api_key',
  'rate-limited': 'rate_limit_exceeded',
  'quota-exceeded': 'insufficient_quota',
  'context-too-long': 'context_length_exceeded',
  'content-blocked': 'content_filter',
}

/** OpenAI's error object: `{error: {message, type, param, code}}`. */
export function errorObject(error: Pick<AppError, 'code' | 'message' | 'details'>) {
  const { status } = errorCodes[error.code]
  const param = error.details?.field ?? null
  const unknownModel = error.code === 'not-found' && param === 'model'
  return {
    error: {
      message: error.code === 'internal' ? 'Internal server error' : error.message,
      type: types[status] ?? 'service_unavailable_error',
      param,
      code: unknownModel ? 'model_not_found' : (codes[error.code] ?? error.code.replaceAll('-', '_')),
    },
  }
}

export const openAiErrors: ErrorShape = {
  status: (error) => error.status,
  body: (error) => errorObject(error),
  // OpenAI's SDKs would otherwise try every 409, 429 and 5xx again, also what is the request's own fault.
  headers: (error): Record<string, string> => (error.retryable ? {} : { 'x-should-retry': 'false' }),
}
