import type { Generated } from 'kysely'

export interface WebhookTables {
  webhooks: WebhooksTable
  webhook_deliveries: WebhookDeliveriesTable
}

/** An address of a workspace's that events are posted to. */
export interface WebhooksTable {
  id: Generated<number>
  public_id: string
  workspace_id: number
  url: string
  /** JSON: names of events. */
  events: string
  /** 1: an event of the server is among them. */
  server_wide: number
  description: string
  /** Sealed (lib/seal.ts), as the one before it, which signs too until `old_secret_until`. */
  secret: string
  old_secret: string | null
  old_secret_until: number | null
  enabled: number
  /** Set: the server has disabled it. */
  disabled_reason: 'gone' | 'failing' | null
  /** Deliveries that failed for good since one was delivered. */
  failures: number
  /** Since when no attempt was successful; null: the last one was. */
  failing_since: number | null
  created_by: number
  created_at: number
  updated_at: number
}

/** One event for one webhook. */
export interface WebhookDeliveriesTable {
  id: Generated<number>
  public_id: string
  webhook_id: number
  /** Names what it tells of; one delivery a webhook and source. */
  source: string
  event: string
  /** JSON, the body as it is sent; empty: removed. */
  payload: string
  /** Whose name and address are in the payload. */
  user_id: number | null
  status: 'pending' | 'delivered' | 'failed'
  attempts: number
  /** Of a pending one: when it is to be sent. While it is being sent: when that counts as lost. */
  due_at: number
  /** Of the last attempt. */
  response_status: number | null
  latency_ms: number | null
  error: string | null
  created_at: number
  ended_at: number | null
}
