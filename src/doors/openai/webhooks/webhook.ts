import type { Scoped } from '#doors/gate/index.ts'
import { presentWebhook } from '#features/webhooks/index.ts'
import { refuseUnknown, toChange, webhookChange, webhookId } from './decode.ts'
import type { WebhookDoorDeps } from './index.ts'

const url = '/v1/webhooks/:webhook_id'
const tags = ['webhooks']

/** GET, PATCH and DELETE /v1/webhooks/{id}; fields that are not sent stay as they are. */
export function webhookRoutes(door: Scoped, { webhooks }: WebhookDoorDeps): void {
  door.route({
    method: 'GET',
    url,
    schema: { tags, summary: 'Retrieve a webhook', params: webhookId },
    config: { scope: 'admin' },
    handler: async ({ principal, params }) => presentWebhook(await webhooks.get(principal, params.webhook_id)),
  })
  door.route({
    method: 'PATCH',
    url,
    schema: { tags, summary: 'Change a webhook', params: webhookId, body: webhookChange },
    config: { scope: 'admin' },
    handler: async ({ principal, params, body }) => {
      refuseUnknown(body, webhookChange)
      return presentWebhook(await webhooks.update(principal, params.webhook_id, toChange(body)))
    },
  })
  door.route({
    method: 'DELETE',
    url,
    schema: { tags, summary: 'Delete a webhook with its deliveries', params: webhookId },
    config: { scope: 'admin' },
    handler: async ({ principal, params }) => {
      await webhooks.remove(principal, params.webhook_id)
      return { id: params.webhook_id, object: 'webhook' as const, deleted: true }
    },
  })
}
