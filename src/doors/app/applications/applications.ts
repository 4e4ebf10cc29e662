import { Type } from 'typebox'
import type { Scoped } from '#doors/gate/index.ts'
import { type Apps, presentApp } from '#features/apps/index.ts'
import { ok } from '../envelope.ts'
import { appCreation, decodeApp } from './decode.ts'

/** GET and POST /api/v1/applications: the apps of the workspace the caller acts in. */
export function applicationCollectionRoutes(door: Scoped, deps: { apps: Pick<Apps, 'list' | 'create'> }): void {
  const url = '/api/v1/applications'
  const tags = ['applications']

  door.route({
    method: 'GET',
    url,
    schema: {
      querystring: Type.Object({ type: Type.Optional(Type.String({ maxLength: 20 })) }),
      tags,
      summary: 'List applications',
    },
    handler: async ({ principal, query }) => {
      const apps = await deps.apps.list(principal, query.type === undefined ? {} : { type: query.type })
      return ok(apps.map((app) => presentApp(app, principal)))
    },
  })

  door.route({
    method: 'POST',
    url,
    schema: { body: appCreation, tags, summary: 'Create an application' },
    handler: async ({ principal, body }) => {
      const app = await deps.apps.create(principal, { ...decodeApp(body), name: body.name })
      return ok(presentApp(app, principal), 'Application created')
    },
  })
}
