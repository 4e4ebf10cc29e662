import { Type } from 'typebox'
import type { Scoped } from '#doors/gate/index.ts'
import type { Keys } from '#features/keys/index.ts'
import { Uuid } from '../uuid.ts'

const params = Type.Object({ id: Uuid })
const change = Type.Object({
  name: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
  description: Type.Optional(Type.String({ maxLength: 2000 })),
  scopes: Type.Optional(Type.Array(Type.String({ maxLength: 20 }), { minItems: 1, maxItems: 10 })),
})
const tags = ['api-keys']

/** GET, PATCH and DELETE /api/v1/api-keys/{id}; deleting revokes. */
export function keyRoutes(door: Scoped, deps: { keys: Pick<Keys, 'get' | 'update' | 'revoke'> }): void {
  const url = '/api/v1/api-keys/:id'

  door.route({
    method: 'GET',
    url,
    schema: { params, tags, summary: 'Look at a key' },
    handler: (request) => deps.keys.get(request.principal, request.params.id),
  })

  door.route({
    method: 'PATCH',
    url,
    schema: { params, body: change, tags, summary: 'Change a key’s name, description or scopes' },
    handler: ({ principal, params: { id }, body }) =>
      deps.keys.update(principal, id, {
        ...(body.name !== undefined && { name: body.name }),
        ...(body.description !== undefined && { description: body.description }),
        ...(body.scopes !== undefined && { scopes: body.scopes }),
      }),
  })

  door.route({
    method: 'DELETE',
    url,
    schema: { params, tags, summary: 'Revoke a key' },
    handler: async (request) => {
      await deps.keys.revoke(request.principal, request.params.id)
      return { id: request.params.id, is_active: false }
    },
  })
}
