/** Endpoints about what is kept of what people said: for how long, under which holds, erased or handed out on request. */
import type { Scoped } from '#doors/gate/index.ts'
import type { Retention } from '#features/retention/index.ts'
import type { LoginLimit } from '../auth/index.ts'
import { erasureRoutes } from './erasures.ts'
import { exportRoute } from './export.ts'
import { holdRoutes } from './holds.ts'
import { keepingRoutes } from './keeping.ts'

export function retentionEndpoints(door: Scoped, deps: { retention: Retention; loginLimit: LoginLimit }): void {
  keepingRoutes(door, deps)
  holdRoutes(door, deps)
  erasureRoutes(door, deps)
  exportRoute(door, deps)
}
