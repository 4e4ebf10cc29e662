import type { Scoped } from '#doors/gate/index.ts'
import { presentWebhook } from '#features/webhooks/index.ts'
import { refuseUnknown, rotation, webhookCreation, webhookId } from './decode.ts'
import type { WebhookDoorDeps } from './index.ts'

/** POST /v1/webhooks/{id}/rotate: a new secret, shown once; the one before signs too for a day. */
export function rotateRoute(door: Scoped, { webhooks }: WebhookDoorDeps): void {
  door.route({
    method: 'POST',
    url: '/v1/webhooks/:webhook_id/rotate',
    schema: { tags: ['webhooks'], summary: 'Give a webhook a new secret', params: webhookId, body: rotation },
    config: { scope: 'admin' },
    handler: async ({ principal, params, body }) => {
      refuseUnknown(body, { properties: { secret: webhookCreation.properties.secret } })
      const { webhook, secret } = await webhooks.rotate(principal, params.webhook_id, body?.secret)
      return presentWebhook(webhook, secret)
    },
  })
}
