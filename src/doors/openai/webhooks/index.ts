/** Endpoints of webhooks (docs/WEBHOOKS.md): where the events of a workspace are posted to, and what became of them. */
import type { Scoped } from '#doors/gate/index.ts'
import type { Webhooks } from '#features/webhooks/index.ts'
import { deliveryRoutes } from './deliveries.ts'
import { rotateRoute } from './rotate.ts'
import { webhookTestRoute } from './test.ts'
import { webhookRoutes } from './webhook.ts'
import { webhookCollectionRoutes } from './webhooks.ts'

export interface WebhookDoorDeps {
  webhooks: Pick<
    Webhooks,
    'create' | 'list' | 'get' | 'update' | 'remove' | 'rotate' | 'test' | 'deliveries' | 'replay'
  >
}

export function webhookEndpoints(door: Scoped, deps: WebhookDoorDeps): void {
  webhookCollectionRoutes(door, deps)
  webhookRoutes(door, deps)
  rotateRoute(door, deps)
  webhookTestRoute(door, deps)
  deliveryRoutes(door, deps)
}
