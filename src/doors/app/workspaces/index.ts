/** Endpoints of /api/v1/workspaces: workspaces and their members. */
import type { Scoped } from '#doors/gate/index.ts'
import type { Workspaces } from '#features/workspaces/index.ts'
import { memberRoutes } from './members.ts'
import { workspaceCollectionRoutes } from './workspaces.ts'

export function workspaceRoutes(door: Scoped, deps: { workspaces: Workspaces }): void {
  workspaceCollectionRoutes(door, deps)
  memberRoutes(door, deps)
}
