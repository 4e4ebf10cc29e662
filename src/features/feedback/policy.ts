import type { Principal } from '#contracts/index.ts'
import { AppError } from '#errors/index.ts'
import { mayAdminister, requireAdminScope } from '#features/workspaces/index.ts'

/** What people thought, in their own words, is for administrators of the workspace. */
export function requireReviewer(principal: Principal): void {
  requireAdminScope(principal)
  if (!mayAdminister(principal.role))
    throw new AppError('forbidden', 'Only administrators of the workspace see its feedback')
}
