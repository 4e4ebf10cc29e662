import type { IncomingHttpHeaders } from 'node:http'
import type { AppError, ErrorCode } from '#errors/index.ts'
import { classifyStatus } from '../classify-status.ts'
import { isObject, parseJson } from '../json.ts'
import { upstreamError } from '../upstream-error.ts'
import type { WireError } from './api.ts'

/** Values of `error.code` and `error.type` that say more than the status does. */
const typed: Record<string, ErrorCode> = {
  context_length_exceeded: 'context-too-long',
  exceed_context_size_error: 'context-too-long',
  content_filter: 'content-blocked',
  content_policy_violation: 'content-blocked',
  insufficient_quota: 'upstream-rate-limited',
  rate_limit_exceeded: 'upstream-rate-limited',
  rate_limit_error: 'upstream-rate-limited',
  invalid_api_key: 'upstream-auth',
  authentication_error: 'upstream-auth',
  permission_error: 'upstream-auth',
  server_error: 'upstream-overloaded',
  overloaded_error: 'upstream-overloaded',
  timeout: 'upstream-timeout',
  invalid_request_error: 'upstream-rejected',
}

/** An answer with an error status → AppError. */
export function statusError(
  status: number,
  headers: IncomingHttpHeaders,
  body: string,
  secret: string | undefined,
): AppError {
  const parsed = parseJson(body)
  const error = isObject(parsed) ? parsed.error : undefined
  const { code, vendorCode } = classify(error, ['invalid_request_error'])
  return upstreamError({ status, headers, body, secret, vendorCode, ...(code && { code }), ...quota(vendorCode) })
}

/** An error object inside an answer whose status was 200 → AppError. `text` is the whole event, for the log. */
export function toldError(error: unknown, text: string, secret: string | undefined): AppError {
  const { code, vendorCode } = classify(error, [])
  return upstreamError({ body: text, secret, vendorCode, ...(code && { code }), ...quota(vendorCode) })
}

/** `weak` types say less than an HTTP status and are not used beside one. */
function classify(error: unknown, weak: readonly string[]): { code?: ErrorCode; vendorCode?: string } {
  if (!isObject(error)) return {}
  const { code, type } = error as WireError
  const names = [code, type].filter((name) => typeof name === 'string')
  const known = names.find((name) => Object.hasOwn(typed, name) && !weak.includes(name))
  const vendorCode = known ?? names[0]
  // OpenRouter puts an HTTP status into `code`, LiteLLM the same as text.
  const number = typeof code === 'string' && /^\d{3}$/.test(code) ? Number(code) : code
  const status = typeof number === 'number' && number >= 400 && number < 600 ? number : undefined
  const ours = known === undefined ? status && classifyStatus(status) : typed[known]
  return { ...(ours && { code: ours }), ...(vendorCode !== undefined && { vendorCode }) }
}

/** An empty account answers like a busy one, but waiting does not help: `details.exhausted` says so. */
function quota(vendorCode: string | undefined): { details?: { exhausted: true } } {
  return vendorCode === 'insufficient_quota' ? { details: { exhausted: true } } : {}
}
