import { Type } from 'typebox'
import type { Scoped } from '#doors/gate/index.ts'
import { type Apps, presentApp } from '#features/apps/index.ts'
import { ok } from '../envelope.ts'

/** POST /api/v1/applications/{app_id}/token/rotate: a new access token; the old one opens nothing any more. */
export function rotateTokenRoute(door: Scoped, deps: { apps: Pick<Apps, 'rotateToken'> }): void {
  door.route({
    method: 'POST',
    url: '/api/v1/applications/:app_id/token/rotate',
    schema: {
      params: Type.Object({ app_id: Type.String({ maxLength: 64 }) }),
      tags: ['applications'],
      summary: 'Replace an application’s access token',
    },
    handler: async ({ principal, params: { app_id } }) =>
      ok(presentApp(await deps.apps.rotateToken(principal, app_id), principal), 'Access token rotated'),
  })
}
