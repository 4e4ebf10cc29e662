import { Type } from 'typebox'
import type { Principal } from '#contracts/index.ts'
import type { Scoped } from '#doors/gate/index.ts'
import { presentUser, type User, type Users } from '#features/users/index.ts'
import { ok } from '../envelope.ts'

const profile = Type.Object({
  full_name: Type.Optional(Type.String({ maxLength: 200 })),
  email: Type.Optional(Type.String({ maxLength: 254 })),
  current_password: Type.Optional(Type.String({ maxLength: 1024 })),
})

/** GET and PATCH /api/v1/auth/me: who the caller is and in which workspace he acts; his name and email. */
export function meRoutes(door: Scoped, deps: { users: Pick<Users, 'me' | 'update'> }): void {
  door.route({
    method: 'GET',
    url: '/api/v1/auth/me',
    schema: { tags: ['auth'], summary: 'Who you are, and in which workspace' },
    handler: async ({ principal }) => ok(presentMe(await deps.users.me(principal), principal)),
  })

  door.route({
    method: 'PATCH',
    url: '/api/v1/auth/me',
    schema: { body: profile, tags: ['auth'], summary: 'Change your name or email' },
    handler: async ({ principal, body }) => {
      const user = await deps.users.update(principal, {
        ...(body.full_name !== undefined && { name: body.full_name }),
        ...(body.email !== undefined && { email: body.email }),
        ...(body.current_password !== undefined && { currentPassword: body.current_password }),
      })
      return ok(presentMe(user, principal), 'Profile updated')
    },
  })
}

function presentMe(user: User, principal: Principal) {
  return {
    ...presentUser(user),
    workspace_id: principal.workspace.publicId,
    role: principal.role,
    scopes: [...principal.scopes],
  }
}
