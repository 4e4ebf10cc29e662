import { Type } from 'typebox'
import type { Scoped } from '#doors/gate/index.ts'
import type { Retention } from '#features/retention/index.ts'
import { ok } from '../envelope.ts'
import { Uuid } from '../uuid.ts'

const params = Type.Object({ ws: Uuid })
const days = Type.Union([Type.Integer({ minimum: 1, maximum: 36_500 }), Type.Null()])
const tags = ['retention']

/** GET and PUT /api/v1/workspaces/{ws}/retention: after how many days text is removed. */
export function keepingRoutes(door: Scoped, deps: { retention: Pick<Retention, 'keptDays' | 'keepFor'> }): void {
  const url = '/api/v1/workspaces/:ws/retention'

  door.route({
    method: 'GET',
    url,
    schema: { params, tags, summary: 'How long a workspace keeps text' },
    handler: async ({ principal, params: { ws } }) =>
      ok({ retention_days: await deps.retention.keptDays(principal, ws) }),
  })

  door.route({
    method: 'PUT',
    url,
    schema: {
      params,
      body: Type.Object({ retention_days: days }),
      tags,
      summary: 'Set how long a workspace keeps text',
    },
    config: { scope: 'admin' },
    handler: async ({ principal, params: { ws }, body }) => {
      await deps.retention.keepFor(principal, ws, body.retention_days)
      return ok({ retention_days: body.retention_days }, 'Retention set')
    },
  })
}
