import type { FastifyReply } from 'fastify'
import { Type } from 'typebox'
import type { Scoped } from '#doors/gate/index.ts'
import { type ErasureView, presentErasure, type Retention } from '#features/retention/index.ts'
import { clearSessionCookies } from '../auth/cookies.ts'
import type { LoginLimit } from '../auth/index.ts'
import { ok } from '../envelope.ts'
import { Uuid } from '../uuid.ts'

const own = Type.Union([
  Type.Object({
    anonymise: Type.Optional(Type.Boolean()),
    current_password: Type.Optional(Type.String({ maxLength: 1024 })),
  }),
  Type.Null(),
])
const anybodys = Type.Union([Type.Object({ anonymise: Type.Optional(Type.Boolean()) }), Type.Null()])
const tags = ['retention']

/** Removing what somebody said: his own, a member's, anybody's; 202 when it goes on after the answer. */
export function erasureRoutes(
  door: Scoped,
  deps: {
    retention: Pick<Retention, 'eraseOwn' | 'eraseUser' | 'eraseMember' | 'viewErasure'>
    loginLimit: LoginLimit
  },
): void {
  const { retention } = deps

  door.route({
    method: 'DELETE',
    url: '/api/v1/users/me/data',
    schema: { body: own, tags, summary: 'Erase everything you said; ends your sessions and keys' },
    config: { scope: 'admin' },
    handler: async (request, reply) => {
      const { principal, body } = request
      if (body?.current_password !== undefined) deps.loginLimit(`password|${principal.user.publicId}`)
      const password = body?.current_password !== undefined && { currentPassword: body.current_password }
      const erasure = await retention.eraseOwn(principal, { anonymise: body?.anonymise === true, ...password })
      clearSessionCookies(request, reply)
      return answer(reply, erasure)
    },
  })

  door.route({
    method: 'DELETE',
    url: '/api/v1/users/:user_id/data',
    schema: {
      params: Type.Object({ user_id: Uuid }),
      body: anybodys,
      tags,
      summary: 'Erase everything somebody said; for administrators of the server',
    },
    config: { scope: 'admin' },
    handler: async ({ principal, params, body }, reply) =>
      answer(reply, await retention.eraseUser(principal, params.user_id, { anonymise: body?.anonymise === true })),
  })

  door.route({
    method: 'POST',
    url: '/api/v1/workspaces/:ws/members/:user_id/erasure',
    schema: {
      params: Type.Object({ ws: Uuid, user_id: Uuid }),
      tags,
      summary: 'Erase what a member said in this workspace',
    },
    config: { scope: 'admin' },
    handler: async ({ principal, params }, reply) =>
      answer(reply, await retention.eraseMember(principal, params.ws, params.user_id)),
  })

  door.route({
    method: 'GET',
    url: '/api/v1/erasures/:id',
    schema: { params: Type.Object({ id: Uuid }), tags, summary: 'How far an erasure came, and what a hold kept' },
    handler: async ({ principal, params }) => ok(presentErasure(await retention.viewErasure(principal, params.id))),
  })
}

function answer(reply: FastifyReply, erasure: ErasureView) {
  const done = erasure.status === 'completed'
  reply.code(done ? 200 : 202)
  return ok(presentErasure(erasure), done ? 'Erased' : 'Erasing', done ? 200 : 202)
}
