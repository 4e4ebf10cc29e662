import type { Scoped } from '#doors/gate/index.ts'
import { presentTest } from '#features/webhooks/index.ts'
import { webhookId } from './decode.ts'
import type { WebhookDoorDeps } from './index.ts'

/** POST /v1/webhooks/{id}/test: sends `webhook.test` now, once; an answer that is no success is told with status 200. */
export function webhookTestRoute(door: Scoped, { webhooks }: WebhookDoorDeps): void {
  door.route({
    method: 'POST',
    url: '/v1/webhooks/:webhook_id/test',
    schema: { tags: ['webhooks'], summary: 'Send a test event to a webhook', params: webhookId },
    config: { scope: 'admin' },
    handler: async ({ principal, params }) => presentTest(await webhooks.test(principal, params.webhook_id)),
  })
}
