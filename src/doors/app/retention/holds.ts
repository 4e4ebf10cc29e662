import { Type } from 'typebox'
import type { Scoped } from '#doors/gate/index.ts'
import { presentHold, type Retention } from '#features/retention/index.ts'
import { ok } from '../envelope.ts'
import { Uuid } from '../uuid.ts'

const id = Type.String({ maxLength: 64 })
const ws = Type.Object({ ws: Uuid })
const body = Type.Object({
  reason: Type.String({ minLength: 1, maxLength: 1000 }),
  application_id: Type.Optional(id),
  session_id: Type.Optional(id),
})
const tags = ['retention']

/** /api/v1/workspaces/{ws}/holds: what must not be removed, whatever else is asked for. */
export function holdRoutes(
  door: Scoped,
  deps: { retention: Pick<Retention, 'placeHold' | 'listHolds' | 'liftHold'> },
): void {
  const url = '/api/v1/workspaces/:ws/holds'

  door.route({
    method: 'GET',
    url,
    schema: { params: ws, tags, summary: 'List legal holds' },
    config: { scope: 'admin' },
    handler: async ({ principal, params }) =>
      ok((await deps.retention.listHolds(principal, params.ws)).map(presentHold)),
  })

  door.route({
    method: 'POST',
    url,
    schema: { params: ws, body, tags, summary: 'Place a legal hold on a workspace, an app or a session' },
    config: { scope: 'admin' },
    handler: async ({ principal, params, body: { reason, application_id, session_id } }) => {
      const hold = await deps.retention.placeHold(principal, params.ws, {
        reason,
        ...(application_id !== undefined && { applicationId: application_id }),
        ...(session_id !== undefined && { sessionId: session_id }),
      })
      return ok(presentHold(hold), 'Hold placed')
    },
  })

  door.route({
    method: 'DELETE',
    url: `${url}/:id`,
    schema: { params: Type.Object({ ws: Uuid, id: Uuid }), tags, summary: 'Lift a legal hold' },
    config: { scope: 'admin' },
    handler: async ({ principal, params }) => {
      await deps.retention.liftHold(principal, params.ws, params.id)
      return ok(null, 'Hold lifted')
    },
  })
}
