import { Type } from 'typebox'
import type { Scoped } from '#doors/gate/index.ts'
import { type Keys, mostKeyRate } from '#features/keys/index.ts'
import { Uuid } from '../uuid.ts'

const name = Type.String({ minLength: 1, maxLength: 200 })
const description = Type.String({ maxLength: 2000 })
const scopes = Type.Array(Type.String({ maxLength: 20 }), { maxItems: 10 })

const creation = Type.Object({
  name,
  description: Type.Optional(description),
  workspace_id: Type.Optional(Uuid),
  scopes: Type.Optional(scopes),
  rate_limit: Type.Optional(Type.Integer({ minimum: 1, maximum: mostKeyRate })),
  expires_in_days: Type.Optional(Type.Unsafe<number | null>({ type: ['integer', 'null'], minimum: 1, maximum: 3650 })),
})

/** POST and GET /api/v1/api-keys. Bare objects, no envelope: so the clients of these endpoints expect it. */
export function keyCollectionRoutes(door: Scoped, deps: { keys: Pick<Keys, 'create' | 'list'> }): void {
  door.route({
    method: 'POST',
    url: '/api/v1/api-keys',
    schema: { body: creation, tags: ['api-keys'], summary: 'Create a key; its secret is shown once' },
    config: { scope: 'admin' },
    handler: ({ principal, body }) =>
      deps.keys.create(principal, {
        name: body.name,
        ...(body.description !== undefined && { description: body.description }),
        ...(body.workspace_id !== undefined && { workspaceId: body.workspace_id }),
        // An empty list is a list of no scopes for some clients and "not given" for others: the vendor's rule is the second.
        ...(body.scopes !== undefined && body.scopes.length > 0 && { scopes: body.scopes }),
        ...(body.rate_limit !== undefined && { rateLimit: body.rate_limit }),
        ...(typeof body.expires_in_days === 'number' && { expiresInDays: body.expires_in_days }),
      }),
  })

  door.route({
    method: 'GET',
    url: '/api/v1/api-keys',
    schema: {
      querystring: Type.Object({ workspace_id: Uuid }),
      tags: ['api-keys'],
      summary: 'List the keys of a workspace',
    },
    handler: ({ principal, query }) => deps.keys.list(principal, query.workspace_id),
  })
}
