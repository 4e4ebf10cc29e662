import type { ErrorCode } from '#errors/index.ts'

/** HTTP status of an upstream's refusal → our code. 3xx (never followed) and other 4xx are `upstream-rejected`. */
export function classifyStatus(status: number): ErrorCode {
  if (status === 401 || status === 403) return 'upstream-auth'
  if (status === 429) return 'upstream-rate-limited'
  if (status === 408 || status === 504) return 'upstream-timeout'
  if (status >= 500) return 'upstream-overloaded'
  return 'upstream-rejected'
}
