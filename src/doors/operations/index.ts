/** What administrators of this server may look at: who is connected, and figures for whoever watches it. */
import { AppError } from '#errors/index.ts'
import type { Users } from '#features/users/index.ts'
import { type Metrics, metricsType } from '#lib/metrics.ts'
import { type ErrorShape, type Scoped, useErrors } from '../gate/index.ts'
import type { Sockets } from '../gate/sockets/index.ts'

export interface OperationsDeps {
  users: Pick<Users, 'isServerAdmin'>
  sockets: Pick<Sockets, 'stats'>
  metrics: Pick<Metrics, 'text'>
  errors: ErrorShape
}

export function operationsDoor(door: Scoped, deps: OperationsDeps): void {
  useErrors(door, deps.errors)

  door.addHook('preHandler', async (request) => {
    if (!(await deps.users.isServerAdmin(request.principal.user.id)))
      throw new AppError('forbidden', 'Only administrators of this server may see this')
  })

  door.get('/ws/stats', { schema: { tags: ['operations'], summary: 'Who is connected' } }, async () =>
    deps.sockets.stats(),
  )

  door.get('/metrics', { schema: { tags: ['operations'], summary: 'Figures for Prometheus' } }, async (_, reply) =>
    reply.type(metricsType).send(deps.metrics.text()),
  )
}
