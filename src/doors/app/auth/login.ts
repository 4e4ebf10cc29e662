import { Type } from 'typebox'
import type { Scoped } from '#doors/gate/index.ts'
import { type Auth, presentGrant } from '#features/auth/index.ts'
import { presentUser } from '#features/users/index.ts'
import { ok } from '../envelope.ts'
import { setSessionCookies } from './cookies.ts'
import type { LoginLimit } from './login-limit.ts'

const body = Type.Object({ email: Type.String({ maxLength: 254 }), password: Type.String({ maxLength: 1024 }) })

/** POST /api/v1/auth/login: email and password → tokens, and the session cookie for browsers. */
export function loginRoute(door: Scoped, deps: { auth: Pick<Auth, 'login'>; loginLimit: LoginLimit }): void {
  door.route({
    method: 'POST',
    url: '/api/v1/auth/login',
    schema: { body, tags: ['auth'], summary: 'Log in with email and password' },
    config: { auth: 'public' },
    handler: async (request, reply) => {
      const { email, password } = request.body
      deps.loginLimit(`${email.trim().toLowerCase()}|${request.ip}`)
      const grant = await deps.auth.login({ email, password })
      setSessionCookies(request, reply, grant)
      return ok({ ...presentGrant(grant), user: presentUser(grant.user) }, 'Login successful')
    },
  })
}
