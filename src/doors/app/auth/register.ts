import { Type } from 'typebox'
import type { Scoped } from '#doors/gate/index.ts'
import { AppError } from '#errors/index.ts'
import { type Auth, presentGrant } from '#features/auth/index.ts'
import { presentUser } from '#features/users/index.ts'
import { ok } from '../envelope.ts'
import { setSessionCookies } from './cookies.ts'
import type { LoginLimit } from './login-limit.ts'

const body = Type.Object({
  email: Type.String({ maxLength: 254 }),
  password: Type.String({ maxLength: 1024 }),
  full_name: Type.Optional(Type.String({ maxLength: 200 })),
})

/** POST /api/v1/auth/register: a new account with a workspace of its own, logged in. */
export function registerRoute(
  door: Scoped,
  deps: { auth: Pick<Auth, 'register'>; loginLimit: LoginLimit; registration: boolean },
): void {
  door.route({
    method: 'POST',
    url: '/api/v1/auth/register',
    schema: { body, tags: ['auth'], summary: 'Register an account with a workspace of its own' },
    config: { auth: 'public' },
    handler: async (request, reply) => {
      if (!deps.registration) throw new AppError('forbidden', 'This server does not take registrations')
      const { email, password, full_name: name } = request.body
      deps.loginLimit(`register|${request.ip}`)
      const grant = await deps.auth.register({ email, password, ...(name !== undefined && { name }) })
      setSessionCookies(request, reply, grant)
      return ok({ ...presentGrant(grant), user: presentUser(grant.user) }, 'Registration successful')
    },
  })
}
