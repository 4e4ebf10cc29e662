import type { Principal } from '#contracts/index.ts'
import { AppError } from '#errors/index.ts'
import type { Users } from '#features/users/index.ts'
import { mayAdminister, requireAdminScope } from '#features/workspaces/index.ts'

/** Who decides what leaves a workspace: its administrators. */
export function requireKeeper(principal: Principal): void {
  requireAdminScope(principal)
  if (!mayAdminister(principal.role))
    throw new AppError('forbidden', 'Only administrators of the workspace see and change its webhooks')
}

/** What concerns everybody on the server goes where one of its administrators wants it, and nowhere else. */
export async function requireServerAdmin(
  { users }: { users: Pick<Users, 'isServerAdmin'> },
  principal: Principal,
): Promise<void> {
  if (await users.isServerAdmin(principal.user.id)) return
  throw new AppError('forbidden', 'Only administrators of this server subscribe to events of the whole server', {
    details: { field: 'events' },
  })
}
