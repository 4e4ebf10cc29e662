import { Type } from 'typebox'
import type { Scoped } from '#doors/gate/index.ts'
import { presentDelivery } from '#features/webhooks/index.ts'
import { webhookId } from './decode.ts'
import type { WebhookDoorDeps } from './index.ts'

const tags = ['webhooks']
const status = Type.Union([Type.Literal('pending'), Type.Literal('delivered'), Type.Literal('failed')])

/** GET /v1/webhooks/{id}/deliveries and POST …/{delivery_id}/replay. */
export function deliveryRoutes(door: Scoped, { webhooks }: WebhookDoorDeps): void {
  door.route({
    method: 'GET',
    url: '/v1/webhooks/:webhook_id/deliveries',
    schema: {
      tags,
      summary: 'List what was and is to be sent to a webhook, newest first',
      params: webhookId,
      querystring: Type.Object({
        limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 20 })),
        after: Type.Optional(Type.String({ maxLength: 64 })),
        status: Type.Optional(status),
      }),
    },
    config: { scope: 'admin' },
    handler: async ({ principal, params, query }) => {
      const { limit = 20, after, status } = query
      const page = { limit, ...(after !== undefined && { after }), ...(status && { status }) }
      const { deliveries, more } = await webhooks.deliveries(principal, params.webhook_id, page)
      return {
        object: 'list' as const,
        data: deliveries.map((delivery) => presentDelivery(delivery, params.webhook_id)),
        first_id: deliveries[0]?.publicId ?? null,
        last_id: deliveries.at(-1)?.publicId ?? null,
        has_more: more,
      }
    },
  })
  door.route({
    method: 'POST',
    url: '/v1/webhooks/:webhook_id/deliveries/:delivery_id/replay',
    schema: {
      tags,
      summary: 'Send a delivery again',
      params: Type.Object({ ...webhookId.properties, delivery_id: Type.String({ maxLength: 64 }) }),
    },
    config: { scope: 'admin' },
    handler: async ({ principal, params }) => {
      const { webhook_id, delivery_id } = params
      return presentDelivery(await webhooks.replay(principal, webhook_id, delivery_id), webhook_id)
    },
  })
}
