import { Type } from 'typebox'
import type { Scoped } from '#doors/gate/index.ts'
import type { Keys } from '#features/keys/index.ts'
import { Uuid } from '../uuid.ts'

/** POST /api/v1/api-keys/{id}/rotate: a new secret, shown once; the old one opens nothing any more. */
export function rotateKeyRoute(door: Scoped, deps: { keys: Pick<Keys, 'rotate'> }): void {
  door.route({
    method: 'POST',
    url: '/api/v1/api-keys/:id/rotate',
    schema: {
      params: Type.Object({ id: Uuid }),
      tags: ['api-keys'],
      summary: 'Replace a key’s secret',
    },
    handler: (request) => deps.keys.rotate(request.principal, request.params.id),
  })
}
