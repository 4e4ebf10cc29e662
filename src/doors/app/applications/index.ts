/** Endpoints of /api/v1/applications: the apps themselves, not what is said with them. */
import type { Scoped } from '#doors/gate/index.ts'
import type { Apps } from '#features/apps/index.ts'
import { applicationRoutes } from './application.ts'
import { applicationCollectionRoutes } from './applications.ts'
import { rotateTokenRoute } from './rotate-token.ts'

export function applicationEndpoints(door: Scoped, deps: { apps: Apps }): void {
  applicationCollectionRoutes(door, deps)
  applicationRoutes(door, deps)
  rotateTokenRoute(door, deps)
}
