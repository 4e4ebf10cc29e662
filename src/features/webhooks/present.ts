import type { Outcome } from './attempt.ts'
import type { Delivery, Webhook } from './webhook.ts'

/** `secret` is shown to who has just made it, and never again. */
export function presentWebhook(webhook: Webhook, secret?: string) {
  return {
    id: webhook.publicId,
    object: 'webhook' as const,
    url: webhook.url,
    events: webhook.events,
    description: webhook.description,
    enabled: webhook.enabled,
    ...(webhook.disabledReason !== null && { disabled_reason: webhook.disabledReason }),
    ...(secret !== undefined && { secret }),
    created_at: seconds(webhook.createdAt),
    updated_at: seconds(webhook.updatedAt),
  }
}

export function presentDelivery(delivery: Delivery, webhookId: string) {
  return {
    id: delivery.publicId,
    object: 'webhook.delivery' as const,
    webhook_id: webhookId,
    event: delivery.event,
    status: delivery.status,
    attempts: delivery.attempts,
    response_status: delivery.responseStatus,
    latency_ms: delivery.latencyMs,
    error: delivery.error,
    next_attempt_at: delivery.status === 'pending' ? seconds(delivery.dueAt) : null,
    created_at: seconds(delivery.createdAt),
    ended_at: delivery.endedAt === null ? null : seconds(delivery.endedAt),
  }
}

export function presentTest({ delivered, status, latencyMs, error }: Outcome) {
  return {
    object: 'webhook.test' as const,
    success: delivered,
    ...(status !== undefined && { status }),
    latency_ms: latencyMs,
    ...(error !== undefined && { error }),
  }
}

function seconds(ms: number): number {
  return Math.floor(ms / 1000)
}
