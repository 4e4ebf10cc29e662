import { Type } from 'typebox'
import type { Scoped } from '#doors/gate/index.ts'
import { type Apps, presentApp } from '#features/apps/index.ts'
import { ok } from '../envelope.ts'
import { appChange, decodeApp } from './decode.ts'

const params = Type.Object({ app_id: Type.String({ maxLength: 64 }) })
const tags = ['applications']

/** GET, PUT, PATCH and DELETE /api/v1/applications/{app_id}, by id or slug; fields that are not sent stay as they are. */
export function applicationRoutes(door: Scoped, deps: { apps: Pick<Apps, 'get' | 'update' | 'remove'> }): void {
  const url = '/api/v1/applications/:app_id'

  door.route({
    method: 'GET',
    url,
    schema: { params, tags, summary: 'Look at an application' },
    handler: async ({ principal, params: { app_id } }) =>
      ok(presentApp(await deps.apps.get(principal, app_id), principal)),
  })

  door.route({
    method: ['PUT', 'PATCH'],
    url,
    schema: { params, body: appChange, tags, summary: 'Change an application' },
    handler: async ({ principal, params: { app_id }, body }) =>
      ok(presentApp(await deps.apps.update(principal, app_id, decodeApp(body)), principal), 'Application updated'),
  })

  door.route({
    method: 'DELETE',
    url,
    schema: { params, tags, summary: 'Delete an application' },
    handler: async ({ principal, params: { app_id } }) => {
      await deps.apps.remove(principal, app_id)
      return ok(null, 'Application deleted')
    },
  })
}
