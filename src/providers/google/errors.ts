import type { IncomingHttpHeaders } from 'node:http'
import type { AppError, ErrorCode } from '#errors/index.ts'
import { classifyStatus } from '../classify-status.ts'
import { isObject, parseJson } from '../json.ts'
import { upstreamError } from '../upstream-error.ts'

/** Values of `error.status`, and of `reason` in its ErrorInfo, that say more than the HTTP status. */
const typed: Record<string, ErrorCode> = {
  API_KEY_INVALID: 'upstream-auth',
  UNAUTHENTICATED: 'upstream-auth',
  PERMISSION_DENIED: 'upstream-auth',
  RESOURCE_EXHAUSTED: 'upstream-rate-limited',
  DEADLINE_EXCEEDED: 'upstream-timeout',
  UNAVAILABLE: 'upstream-overloaded',
  INTERNAL: 'upstream-overloaded',
}

/** An answer with an error status → AppError. */
export function statusError(
  status: number,
  headers: IncomingHttpHeaders,
  body: string,
  secret: string | undefined,
): AppError {
  const parsed = parseJson(body)
  return upstreamError({ status, headers, body, secret, ...classify(isObject(parsed) ? parsed.error : undefined) })
}

/** An error object inside a 200 answer → AppError. `text` is the whole event, for the log. */
export function toldError(error: unknown, text: string, secret: string | undefined): AppError {
  return upstreamError({ body: text, secret, ...classify(error) })
}

function classify(error: unknown): { code?: ErrorCode; vendorCode?: string; retryAfterMs?: number } {
  if (!isObject(error)) return {}
  const details = Array.isArray(error.details) ? error.details.filter(isObject) : []
  const reason = details.map((detail) => detail.reason).find((word) => typeof word === 'string')
  const names = [reason, error.status].filter((name) => typeof name === 'string')
  const known = names.find((name) => Object.hasOwn(typed, name))
  const status = typeof error.code === 'number' && error.code >= 400 ? error.code : undefined
  const code = known === undefined ? status && classifyStatus(status) : typed[known]
  const vendorCode = known ?? names[0]
  const retryAfterMs = durationMs(details.map((detail) => detail.retryDelay).find((delay) => delay !== undefined))
  return {
    ...(code && { code }),
    ...(vendorCode !== undefined && { vendorCode }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  }
}

/** `"37s"`, `"0.5s"` → milliseconds. */
function durationMs(delay: unknown): number | undefined {
  const seconds = typeof delay === 'string' ? /^(\d+(?:\.\d+)?)s$/.exec(delay)?.[1] : undefined
  return seconds === undefined ? undefined : Math.round(Number(seconds) * 1_000)
}
