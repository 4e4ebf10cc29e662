import type { Principal, WorkspaceRole } from '#contracts/index.ts'
import { AppError } from '#errors/index.ts'
import { mayAdminister, requireAdminScope } from '#features/workspaces/index.ts'

/** Administrators alone see and change rules and violations: who knows a rule knows how to get around it. */
export function requireGuardian(principal: Principal, role: WorkspaceRole): void {
  requireAdminScope(principal)
  if (!mayAdminister(role))
    throw new AppError('forbidden', 'Only administrators of the workspace see and change its guardrails')
}
