/**
 * Webhooks: where a workspace has its events posted to, what is to be sent there, and one attempt at it (docs/WEBHOOKS.md).
 * For administrators. Which outbox event means what is subscribers/webhooks' business, when something is sent that of
 * jobs/deliver-webhooks.
 */
import { bind } from '#lib/bind.ts'
import { signal } from '#lib/signal.ts'
import { listDeliveries, pruneDeliveries, replayDelivery } from './deliveries.ts'
import {
  createWebhook,
  getWebhook,
  listWebhooks,
  removeWebhook,
  rotateWebhook,
  testWebhook,
  updateWebhook,
  type WebhooksDeps,
} from './webhooks.ts'

export { addDeliveries, type Happening, hasServerListener, turnsWithListener, workspacesWithListener } from './add.ts'
export { type AttemptDeps, attempt, type Outcome } from './attempt.ts'
export { type Claimed, claim, findDue } from './claim.ts'
export type { WebhookEvent } from './events.ts'
export { presentDelivery, presentTest, presentWebhook } from './present.ts'
export { giveBack, problemOf, recordOutcome, recordProblem } from './record.ts'
export type { Delivery, Webhook } from './webhook.ts'
export type { WebhookInput, WebhooksDeps } from './webhooks.ts'

export type Webhooks = ReturnType<typeof webhooks>

export function webhooks(deps: WebhooksDeps) {
  const queued = signal()
  const own = { ...deps, ring: queued.fire }
  return {
    create: bind(own, createWebhook),
    list: bind(own, listWebhooks),
    get: bind(own, getWebhook),
    update: bind(own, updateWebhook),
    remove: bind(own, removeWebhook),
    rotate: bind(own, rotateWebhook),
    test: bind(own, testWebhook),
    deliveries: bind(own, listDeliveries),
    replay: bind(own, replayDelivery),
    prune: bind(own, pruneDeliveries),
    /** Deliveries were committed. */
    ring: queued.fire,
    /** Calls `listener` whenever this process has something new to send. */
    onQueued: queued.on,
  }
}
