import { Type } from 'typebox'
import type { Scoped } from '#doors/gate/index.ts'
import type { Auth } from '#features/auth/index.ts'
import { ok } from '../envelope.ts'
import { clearSessionCookies } from './cookies.ts'

const body = Type.Optional(
  Type.Unsafe<{ all?: boolean } | null>({ type: ['object', 'null'], properties: { all: { type: 'boolean' } } }),
)

/** POST /api/v1/auth/logout: ends this session, or with `all` every session of the user. */
export function logoutRoute(door: Scoped, deps: { auth: Pick<Auth, 'logout'> }): void {
  door.route({
    method: 'POST',
    url: '/api/v1/auth/logout',
    schema: { body, tags: ['auth'], summary: 'Log out of this session, or of all' },
    handler: async (request, reply) => {
      await deps.auth.logout(request.principal, request.body?.all === true)
      clearSessionCookies(request, reply)
      return ok(null, 'Logged out')
    },
  })
}
