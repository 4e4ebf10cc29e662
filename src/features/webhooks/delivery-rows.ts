import type { Selectable } from 'kysely'
import type { Database, Transaction, WebhookDeliveriesTable } from '#store/index.ts'
import type { Delivery } from './webhook.ts'

const shown = [
  'id',
  'public_id',
  'event',
  'status',
  'attempts',
  'due_at',
  'response_status',
  'latency_ms',
  'error',
  'created_at',
  'ended_at',
] as const

export interface DeliveryPage {
  status?: WebhookDeliveriesTable['status']
  /** Key of the delivery behind which to go on. */
  before?: number
  limit: number
}

/** Newest first. */
export async function listDeliveryRows(database: Database, webhookId: number, page: DeliveryPage): Promise<Delivery[]> {
  const { status, before, limit } = page
  const rows = await database.read
    .selectFrom('webhook_deliveries')
    .select(shown)
    .where('webhook_id', '=', webhookId)
    .$if(status !== undefined, (query) => query.where('status', '=', status!))
    .$if(before !== undefined, (query) => query.where('id', '<', before!))
    .orderBy('id', 'desc')
    .limit(limit)
    .execute()
  return rows.map(toDelivery)
}

export async function findDeliveryRow(
  database: Database,
  webhookId: number,
  publicId: string,
): Promise<Delivery | undefined> {
  const row = await database.read
    .selectFrom('webhook_deliveries')
    .select(shown)
    .where('webhook_id', '=', webhookId)
    .where('public_id', '=', publicId)
    .executeTakeFirst()
  return row && toDelivery(row)
}

/** Makes an ended delivery one that is to be sent now; false when it is none, or has nothing left to send. */
export async function reopenDelivery(tx: Transaction, id: number, now: number): Promise<boolean> {
  const result = await tx.db
    .updateTable('webhook_deliveries')
    .set({ status: 'pending', attempts: 0, due_at: now, ended_at: null })
    .where('id', '=', id)
    .where('status', '!=', 'pending')
    .where('payload', '!=', '')
    .executeTakeFirst()
  return Number(result.numUpdatedRows) === 1
}

/** Ends what is pending for a webhook that nothing is sent to any more. */
export async function failPending(tx: Transaction, webhookId: number, error: string, now: number): Promise<void> {
  await tx.db
    .updateTable('webhook_deliveries')
    .set({ status: 'failed', error, ended_at: now })
    .where('webhook_id', '=', webhookId)
    .where('status', '=', 'pending')
    .execute()
}

const pruneAtOnce = 500

/** Forgets up to some hundred rows that ended before; true: there may be more. */
export async function deleteEnded(tx: Transaction, status: 'delivered' | 'failed', before: number): Promise<boolean> {
  const { numDeletedRows } = await tx.db
    .deleteFrom('webhook_deliveries')
    .where('id', 'in', (eb) =>
      eb
        .selectFrom('webhook_deliveries')
        .select('id')
        .where('status', '=', status)
        .where('ended_at', '<', before)
        .limit(pruneAtOnce),
    )
    .executeTakeFirstOrThrow()
  return Number(numDeletedRows) === pruneAtOnce
}

function toDelivery(row: Pick<Selectable<WebhookDeliveriesTable>, (typeof shown)[number]>): Delivery {
  return {
    id: row.id,
    publicId: row.public_id,
    event: row.event,
    status: row.status,
    attempts: row.attempts,
    dueAt: row.due_at,
    responseStatus: row.response_status,
    latencyMs: row.latency_ms,
    error: row.error,
    createdAt: row.created_at,
    endedAt: row.ended_at,
  }
}
