/** What administrators of this server may look at: who is connected. */
import { AppError } from '#errors/index.ts'
import type { Users } from '#features/users/index.ts'
import { type ErrorShape, type Scoped, useErrors } from '../gate/index.ts'
import type { Sockets } from '../gate/sockets/index.ts'

export interface OperationsDeps {
  users: Pick<Users, 'isServerAdmin'>
  sockets: Pick<Sockets, 'stats'>
  errors: ErrorShape
}

export function operationsDoor(door: Scoped, deps: OperationsDeps): void {
  useErrors(door, deps.errors)

  door.addHook('preHandler', async (request) => {
    if (!(await deps.users.isServerAdmin(request.principal.user.id)))
      throw new AppError('forbidden', 'Only administrators of this server may see this')
  })

  door.get('/ws/stats', { schema: { tags: ['sockets'], summary: 'Who is connected' } }, async () =>
    deps.sockets.stats(),
  )
}
