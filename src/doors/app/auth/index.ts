/** Endpoints of /api/v1/auth: in, out, and who am I. */
// Gives every schema its `tags`.
import type {} from '@fastify/swagger'
import type { Scoped } from '#doors/gate/index.ts'
import type { Auth } from '#features/auth/index.ts'
import type { Users } from '#features/users/index.ts'
import { loginRoute } from './login.ts'
import type { LoginLimit } from './login-limit.ts'
import { logoutRoute } from './logout.ts'
import { meRoutes } from './me.ts'
import { passwordRoute } from './password.ts'
import { refreshRoute } from './refresh.ts'
import { registerRoute } from './register.ts'

export type { LoginLimit } from './login-limit.ts'

export function authRoutes(
  door: Scoped,
  deps: { auth: Auth; users: Users; loginLimit: LoginLimit; registration: boolean },
): void {
  loginRoute(door, deps)
  registerRoute(door, deps)
  refreshRoute(door, deps)
  logoutRoute(door, deps)
  meRoutes(door, deps)
  passwordRoute(door, deps)
}
