import type { Principal } from '#contracts/index.ts'

/** Who may see a conversation or one of its turns: its user, administrators of its workspace, its app's token holders. */
export function mayRead(
  principal: Principal,
  thing: { workspaceId: number; userId: number; appId: number | null },
): boolean {
  if (thing.workspaceId !== principal.workspace.id) return false
  if (principal.app) return thing.appId === principal.app.id && thing.userId === principal.user.id
  return thing.userId === principal.user.id || principal.role !== 'member'
}
