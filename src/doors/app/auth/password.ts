import { Type } from 'typebox'
import type { Scoped } from '#doors/gate/index.ts'
import { type Auth, presentGrant } from '#features/auth/index.ts'
import { ok } from '../envelope.ts'
import { sessionCookie, setSessionCookies } from './cookies.ts'
import type { LoginLimit } from './login-limit.ts'

const body = Type.Object({
  current_password: Type.String({ maxLength: 1024 }),
  new_password: Type.String({ maxLength: 1024 }),
})

/** POST /api/v1/auth/password: a new password. Every session ends; the caller gets the tokens of a new one. */
export function passwordRoute(
  door: Scoped,
  deps: { auth: Pick<Auth, 'changePassword'>; loginLimit: LoginLimit },
): void {
  door.route({
    method: 'POST',
    url: '/api/v1/auth/password',
    schema: { body, tags: ['auth'], summary: 'Change your password; every session ends' },
    handler: async (request, reply) => {
      const { current_password: currentPassword, new_password: newPassword } = request.body
      deps.loginLimit(`password|${request.principal.user.publicId}`)
      const grant = await deps.auth.changePassword(request.principal, { currentPassword, newPassword })
      if (request.cookies[sessionCookie] !== undefined) setSessionCookies(request, reply, grant)
      return ok(presentGrant(grant), 'Password changed')
    },
  })
}
