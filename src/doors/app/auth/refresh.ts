import { Type } from 'typebox'
import type { Scoped } from '#doors/gate/index.ts'
import { type Auth, presentGrant } from '#features/auth/index.ts'
import { ok } from '../envelope.ts'
import { sessionCookie, setSessionCookies } from './cookies.ts'

const body = Type.Object({ refresh_token: Type.String({ minLength: 1, maxLength: 512 }) })

/** POST /api/v1/auth/refresh: a refresh token → a new access token and the next refresh token. */
export function refreshRoute(door: Scoped, deps: { auth: Pick<Auth, 'refresh'> }): void {
  door.route({
    method: 'POST',
    url: '/api/v1/auth/refresh',
    schema: { body, tags: ['auth'], summary: 'Exchange a refresh token for new tokens' },
    config: { auth: 'public' },
    handler: async (request, reply) => {
      const grant = await deps.auth.refresh(request.body.refresh_token)
      // Only a browser that has the cookie is given it anew; a page elsewhere must not be able to plant one.
      if (request.cookies[sessionCookie] !== undefined) setSessionCookies(request, reply, grant)
      return ok(presentGrant(grant), 'Token refreshed')
    },
  })
}
