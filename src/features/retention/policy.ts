import type { Principal } from '#contracts/index.ts'
import { AppError } from '#errors/index.ts'
import { mayAdminister, requireAdminScope, type Workspace } from '#features/workspaces/index.ts'
import type { RetentionDeps } from './deps.ts'

/** The workspace, for who may decide what becomes of its text: owners and administrators, and keys with the scope `admin`. */
export async function administered(
  deps: Pick<RetentionDeps, 'workspaces'>,
  principal: Principal,
  workspaceId: string,
): Promise<Workspace> {
  requireAdminScope(principal)
  const workspace = await deps.workspaces.get(principal, workspaceId)
  if (!mayAdminister(workspace.role)) throw new AppError('forbidden', 'Your role in this workspace does not allow this')
  return workspace
}
