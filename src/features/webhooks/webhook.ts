import type { WebhookDeliveriesTable, WebhooksTable } from '#store/index.ts'
import type { WebhookEvent } from './events.ts'

export interface Webhook {
  id: number
  publicId: string
  workspaceId: number
  url: string
  events: WebhookEvent[]
  /** An event of the whole server is among them. */
  isServerWide: boolean
  description: string
  /** Sealed. */
  secret: string
  oldSecret: string | null
  oldSecretUntil: number | null
  enabled: boolean
  disabledReason: WebhooksTable['disabled_reason']
  createdBy: number
  createdAt: number
  updatedAt: number
}

/** One event for one webhook, as its administrators see it: without the body. */
export interface Delivery {
  id: number
  publicId: string
  event: string
  status: WebhookDeliveriesTable['status']
  attempts: number
  dueAt: number
  responseStatus: number | null
  latencyMs: number | null
  error: string | null
  createdAt: number
  endedAt: number | null
}
