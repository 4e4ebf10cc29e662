import { AppError, type ErrorCode } from '#errors/index.ts'

/** Error codes that do not mean "no connection". */
const codes: Record<string, ErrorCode> = {
  ETIMEDOUT: 'upstream-timeout',
  MALFORMED: 'upstream-malformed',
}

const messages: Partial<Record<ErrorCode, string>> = {
  'upstream-timeout': 'The upstream did not answer in time',
  'upstream-malformed': 'The upstream’s answer is not valid HTTP',
  'upstream-unreachable': 'The upstream could not be reached',
}

/** What went wrong below HTTP → AppError: refused, reset, unknown host and TLS failures are `upstream-unreachable`. */
export function transportError(thrown: Error): AppError {
  if (thrown instanceof AppError) return thrown
  const reason = (thrown as { code?: unknown }).code
  const name = typeof reason === 'string' ? reason : ''
  const code = codes[name] ?? 'upstream-unreachable'
  return new AppError(code, messages[code] ?? 'The upstream failed', {
    cause: thrown,
    ...(name !== '' && { details: { networkCode: name } }),
  })
}
