import { Type } from 'typebox'
import type { Scoped } from '#doors/gate/index.ts'
import { type Executions, presentExecution } from '#features/executions/index.ts'
import { ok } from '../envelope.ts'

const tags = ['plugins']

/**
 * GET /api/v1/plugin/executions and …/{id}: runs of plugins that can still be watched; only here their ids are told. The
 * caller's own, for administrators all of the workspace.
 */
export function executionEndpoints(door: Scoped, deps: { executions: Pick<Executions, 'list' | 'get'> }): void {
  const url = '/api/v1/plugin/executions'

  door.route({
    method: 'GET',
    url,
    schema: {
      querystring: Type.Object({
        limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 50 })),
        before: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
      }),
      tags,
      summary: 'List runs of plugins',
    },
    handler: async ({ principal, query: { limit = 50, before } }) => {
      const page = await deps.executions.list(principal, { limit, ...(before !== undefined && { before }) })
      return ok({ executions: page.executions.map(presentExecution), has_more: page.more })
    },
  })

  door.route({
    method: 'GET',
    url: `${url}/:id`,
    schema: { params: Type.Object({ id: Type.String({ maxLength: 64 }) }), tags, summary: 'Look at a run of a plugin' },
    handler: async ({ principal, params: { id } }) => ok(presentExecution(await deps.executions.get(principal, id))),
  })
}
