import { Type } from 'typebox'
import type { Scoped } from '#doors/gate/index.ts'
import type { Keys } from '#features/keys/index.ts'
import { Uuid } from '../uuid.ts'

/** GET /api/v1/api-keys/{id}/stats?days=7: what the key was used for. */
export function keyStatsRoute(door: Scoped, deps: { keys: Pick<Keys, 'stats'> }): void {
  door.route({
    method: 'GET',
    url: '/api/v1/api-keys/:id/stats',
    schema: {
      params: Type.Object({ id: Uuid }),
      querystring: Type.Object({ days: Type.Optional(Type.Integer({ minimum: 1, maximum: 90 })) }),
      tags: ['api-keys'],
      summary: 'What a key was used for',
    },
    handler: (request) => deps.keys.stats(request.principal, request.params.id, Number(request.query.days ?? 7)),
  })
}
