import type { ErrorCode } from '#errors/index.ts'

/** HTTP status of an upstream's refusal → our code. 3xx (never followed) and other 4xx are `upstream-rejected`. */
export function classifyStatus(status: number): ErrorCode {
  if (status === 401 || status === 403) return 'upstream-auth'
  // 402: the account is empty. Another upstream’s may not be.
  if (status === 429 || status === 402) return 'upstream-rate-limited'
  if (status === 408 || status === 504) return 'upstream-timeout'
  if (status >= 500) return 'upstream-overloaded'
  return 'upstream-rejected'
}
