import type { Principal } from '#contracts/index.ts'
import { mayAdminister } from '#features/workspaces/index.ts'

/** Who may see a run, and so its id: who started it, and administrators of its workspace. */
export function maySee(principal: Principal, run: { workspaceId: number; userId: number }): boolean {
  if (principal.app || run.workspaceId !== principal.workspace.id) return false
  return run.userId === principal.user.id || mayAdminister(principal.role)
}
