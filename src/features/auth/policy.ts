import { AppError } from '#errors/index.ts'
import type { Tokens } from './tokens.ts'

/**
 * A browser sends the cookie by itself, also when another site makes it; the header only our own page can add. Throws
 * `forbidden`.
 */
export function requireMeant(
  tokens: Tokens,
  sessionId: string,
  request: { unsafeMethod?: boolean; csrfToken?: string },
): void {
  if (!request.unsafeMethod) return
  if (request.csrfToken === undefined || !tokens.isCsrfToken(sessionId, request.csrfToken))
    throw new AppError('forbidden', 'With a session cookie this needs the header X-CSRF-Token')
}
