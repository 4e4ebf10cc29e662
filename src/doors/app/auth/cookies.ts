import type {} from '@fastify/cookie'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { sessionCookie } from '#doors/gate/index.ts'
import { type Grant, sessionLifetimeMs } from '#features/auth/index.ts'

export { sessionCookie }

const csrfCookie = 'parley_csrf'

/** The session for the browser to keep, out of reach of scripts, and beside it the CSRF token for them to read. */
export function setSessionCookies(request: FastifyRequest, reply: FastifyReply, grant: Grant): void {
  const options = { ...base(request), maxAge: sessionLifetimeMs / 1000 }
  reply.setCookie(sessionCookie, grant.sessionToken, { ...options, httpOnly: true })
  reply.setCookie(csrfCookie, grant.csrfToken, options)
}

export function clearSessionCookies(request: FastifyRequest, reply: FastifyReply): void {
  reply.clearCookie(sessionCookie, { ...base(request), httpOnly: true })
  reply.clearCookie(csrfCookie, base(request))
}

function base(request: FastifyRequest) {
  return { path: '/', sameSite: 'lax', secure: request.protocol === 'https' } as const
}
