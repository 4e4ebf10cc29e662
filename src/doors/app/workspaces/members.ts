import { type Static, Type } from 'typebox'
import type { Principal } from '#contracts/index.ts'
import type { Scoped } from '#doors/gate/index.ts'
import { invalid } from '#errors/index.ts'
import { presentMember, type Workspaces } from '#features/workspaces/index.ts'
import { ok } from '../envelope.ts'
import { Uuid } from '../uuid.ts'

const role = Type.String({ enum: ['owner', 'admin', 'member'] })
const one = Type.Object({ ws: Uuid, user_id: Uuid })
const change = Type.Object({ role })
const addition = Type.Object({
  user_id: Type.Optional(Uuid),
  email: Type.Optional(Type.String({ maxLength: 254 })),
  role: Type.Optional(role),
})
const tags = ['workspaces']

/** /api/v1/workspaces/{ws}/members (CONTRACTS §1.5): list, add by id or email, change the role, remove. */
export function memberRoutes(
  door: Scoped,
  deps: { workspaces: Pick<Workspaces, 'members' | 'addMember' | 'setRole' | 'removeMember'> },
): void {
  const url = '/api/v1/workspaces/:ws/members'

  door.route({
    method: 'GET',
    url,
    schema: { params: Type.Object({ ws: Uuid }), tags, summary: 'List members' },
    handler: async ({ principal, params }) =>
      ok((await deps.workspaces.members(principal, params.ws)).map(presentMember)),
  })

  door.route({
    method: 'POST',
    url,
    schema: { params: Type.Object({ ws: Uuid }), body: addition, tags, summary: 'Add a member' },
    config: { scope: 'admin' },
    handler: async ({ principal, params, body }) => {
      const user = body.user_id === undefined ? byEmail(body.email) : { publicId: body.user_id }
      const member = await deps.workspaces.addMember(principal, params.ws, { user, role: body.role ?? 'member' })
      return ok(presentMember(member), 'Member added')
    },
  })

  const changeRole = async (
    principal: Principal,
    { ws, user_id }: Static<typeof one>,
    { role }: Static<typeof change>,
  ) => ok(presentMember(await deps.workspaces.setRole(principal, ws, user_id, role)), 'Role changed')

  door.route({
    method: ['PUT', 'PATCH'],
    url: `${url}/:user_id`,
    schema: { params: one, body: change, tags, summary: 'Change a member’s role' },
    config: { scope: 'admin' },
    handler: ({ principal, params, body }) => changeRole(principal, params, body),
  })

  door.route({
    method: 'PUT',
    url: `${url}/:user_id/role`,
    schema: { params: one, body: change, tags, summary: 'Change a member’s role' },
    config: { scope: 'admin' },
    handler: ({ principal, params, body }) => changeRole(principal, params, body),
  })

  door.route({
    method: 'DELETE',
    url: `${url}/:user_id`,
    schema: { params: one, tags, summary: 'Remove a member' },
    config: { scope: 'admin' },
    handler: async ({ principal, params }) => {
      await deps.workspaces.removeMember(principal, params.ws, params.user_id)
      return ok(null, 'Member removed')
    },
  })
}

function byEmail(email: string | undefined): { email: string } {
  if (email === undefined) throw invalid('user_id', "'user_id' or 'email' field is required", 'missing')
  return { email }
}
