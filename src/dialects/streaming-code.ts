import type { ErrorCode } from '#errors/index.ts'

/** What CONTRACTS §1.2 calls our codes within a stream and on a socket. */
const names: Partial<Record<ErrorCode, string>> = {
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

/** The streaming error code of CONTRACTS §1.2. What has no name there and is no affair of the provider keeps our own. */
export function streamingCode(code: ErrorCode): string {
  return names[code] ?? (code.startsWith('upstream-') ? 'provider_error' : code.replaceAll('-', '_'))
}
