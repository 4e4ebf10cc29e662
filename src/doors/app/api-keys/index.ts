/** Endpoints of /api/v1/api-keys. Bare answers, no envelope (CONTRACTS §1.1). */
import type { Scoped } from '#doors/gate/index.ts'
import type { Keys } from '#features/keys/index.ts'
import { keyRoutes } from './key.ts'
import { keyCollectionRoutes } from './keys.ts'
import { rotateKeyRoute } from './rotate.ts'
import { keyStatsRoute } from './stats.ts'

export function apiKeyRoutes(door: Scoped, deps: { keys: Keys }): void {
  keyCollectionRoutes(door, deps)
  keyRoutes(door, deps)
  rotateKeyRoute(door, deps)
  keyStatsRoute(door, deps)
}
