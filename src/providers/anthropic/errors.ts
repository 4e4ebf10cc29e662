import type { IncomingHttpHeaders } from 'node:http'
import type { AppError, ErrorCode } from '#errors/index.ts'
import { isObject, parseJson } from '../json.ts'
import { upstreamError } from '../upstream-error.ts'

/** Values of `error.type`. */
const typed: Record<string, ErrorCode> = {
  authentication_error: 'upstream-auth',
  permission_error: 'upstream-auth',
  rate_limit_error: 'upstream-rate-limited',
  billing_error: 'upstream-rate-limited',
  overloaded_error: 'upstream-overloaded',
  api_error: 'upstream-overloaded',
  timeout_error: 'upstream-timeout',
  invalid_request_error: 'upstream-rejected',
  not_found_error: 'upstream-rejected',
  request_too_large: 'upstream-rejected',
}

/** An answer with an error status → AppError. */
export function statusError(
  status: number,
  headers: IncomingHttpHeaders,
  body: string,
  secret: string | undefined,
): AppError {
  const parsed = parseJson(body)
  const type = typeOf(isObject(parsed) ? parsed.error : undefined)
  return upstreamError({ status, headers, body, secret, ...classified(type) })
}

/** An `error` event inside a 200 answer → AppError. `text` is the whole event, for the log. */
export function toldError(error: unknown, text: string, secret: string | undefined): AppError {
  return upstreamError({ body: text, secret, ...classified(typeOf(error)) })
}

function typeOf(error: unknown): string | undefined {
  return isObject(error) && typeof error.type === 'string' ? error.type : undefined
}

function classified(type: string | undefined): {
  code?: ErrorCode
  vendorCode?: string
  details?: { exhausted: true }
} {
  if (type === undefined) return {}
  const code = Object.hasOwn(typed, type) ? typed[type] : undefined
  return {
    vendorCode: type,
    ...(code && { code }),
    // An empty account: waiting does not help.
    ...(type === 'billing_error' && { details: { exhausted: true } }),
  }
}
