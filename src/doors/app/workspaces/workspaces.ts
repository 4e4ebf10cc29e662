import { Type } from 'typebox'
import type { Scoped } from '#doors/gate/index.ts'
import { presentWorkspace, type Workspaces } from '#features/workspaces/index.ts'
import { ok } from '../envelope.ts'
import { Uuid } from '../uuid.ts'

const tags = ['workspaces']

/** GET and POST /api/v1/workspaces, GET and PATCH /api/v1/workspaces/{ws}: those the caller is a member of. */
export function workspaceCollectionRoutes(
  door: Scoped,
  deps: { workspaces: Pick<Workspaces, 'list' | 'create' | 'get' | 'update'> },
): void {
  const url = '/api/v1/workspaces'

  door.route({
    method: 'GET',
    url,
    schema: { tags, summary: 'List your workspaces' },
    handler: async ({ principal }) => ok((await deps.workspaces.list(principal)).map(presentWorkspace)),
  })

  door.route({
    method: 'POST',
    url,
    schema: {
      body: Type.Object({ name: Type.String({ minLength: 1, maxLength: 200 }) }),
      tags,
      summary: 'Create a workspace',
    },
    config: { scope: 'admin' },
    handler: async ({ principal, body }) =>
      ok(presentWorkspace(await deps.workspaces.create(principal, { name: body.name })), 'Workspace created'),
  })

  door.route({
    method: 'GET',
    url: `${url}/:ws`,
    schema: { params: Type.Object({ ws: Uuid }), tags, summary: 'Look at a workspace' },
    handler: async ({ principal, params }) => ok(presentWorkspace(await deps.workspaces.get(principal, params.ws))),
  })

  door.route({
    method: 'PATCH',
    url: `${url}/:ws`,
    schema: {
      params: Type.Object({ ws: Uuid }),
      body: Type.Object({
        name: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
        code: Type.Optional(Type.String({ minLength: 1, maxLength: 63 })),
      }),
      tags,
      summary: 'Change a workspace’s name or code',
    },
    config: { scope: 'admin' },
    handler: async ({ principal, params, body: { name, code } }) => {
      const change = { ...(name !== undefined && { name }), ...(code !== undefined && { code }) }
      return ok(presentWorkspace(await deps.workspaces.update(principal, params.ws, change)), 'Workspace changed')
    },
  })
}
