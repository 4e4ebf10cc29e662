import { Type } from 'typebox'
import type { Scoped } from '#doors/gate/index.ts'
import { presentWebhook } from '#features/webhooks/index.ts'
import { refuseUnknown, webhookCreation } from './decode.ts'
import type { WebhookDoorDeps } from './index.ts'

/** GET and POST /v1/webhooks. */
export function webhookCollectionRoutes(door: Scoped, { webhooks }: WebhookDoorDeps): void {
  door.route({
    method: 'GET',
    url: '/v1/webhooks',
    schema: {
      tags: ['webhooks'],
      summary: 'List webhooks',
      querystring: Type.Object({
        limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 20 })),
        offset: Type.Optional(Type.Integer({ minimum: 0, maximum: 1_000_000_000, default: 0 })),
      }),
    },
    config: { scope: 'admin' },
    handler: async ({ principal, query }) => {
      const { limit = 20, offset = 0 } = query
      const { webhooks: page, total } = await webhooks.list(principal, { limit, offset })
      const data = page.map((webhook) => presentWebhook(webhook))
      return { object: 'list' as const, data, total, limit, offset, has_more: offset + data.length < total }
    },
  })
  door.route({
    method: 'POST',
    url: '/v1/webhooks',
    schema: { tags: ['webhooks'], summary: 'Create a webhook; its secret is shown once', body: webhookCreation },
    config: { scope: 'admin' },
    handler: async ({ principal, body }) => {
      refuseUnknown(body, webhookCreation)
      const { url, events, description, enabled, secret: given } = body
      const input = { url, events, description, enabled, secret: given }
      const { webhook, secret } = await webhooks.create(principal, input)
      return presentWebhook(webhook, secret)
    },
  })
}
