import type { Principal } from '#contracts/index.ts'
import { AppError, invalid } from '#errors/index.ts'
import type { Database, WebhookDeliveriesTable } from '#store/index.ts'
import { deleteEnded, findDeliveryRow, listDeliveryRows, reopenDelivery } from './delivery-rows.ts'
import type { Delivery } from './webhook.ts'
import { getWebhook } from './webhooks.ts'

export interface DeliveriesDeps {
  database: Database
  now(): number
  /** Something is to be sent. */
  ring(): void
}

const dayMs = 86_400_000
const keptMs = { delivered: 30 * dayMs, failed: 90 * dayMs } as const

/** Newest first. Throws `not-found`, and `invalid-request` when `after` is none of this webhook's. */
export async function listDeliveries(
  deps: DeliveriesDeps,
  principal: Principal,
  webhookId: string,
  page: { status?: WebhookDeliveriesTable['status']; after?: string; limit: number },
): Promise<{ deliveries: Delivery[]; more: boolean }> {
  const { id } = await getWebhook(deps, principal, webhookId)
  const { status, after, limit } = page
  const last = after === undefined ? undefined : await findDeliveryRow(deps.database, id, after)
  if (after !== undefined && !last) throw invalid('after', "'after' must be the id of one of this webhook's deliveries")
  const rows = await listDeliveryRows(deps.database, id, {
    limit: limit + 1,
    ...(status && { status }),
    ...(last && { before: last.id }),
  })
  return { deliveries: rows.slice(0, limit), more: rows.length > limit }
}

/** Sends one again, with all its attempts. Throws `conflict` for what is pending, or has nothing left to send. */
export async function replayDelivery(
  deps: DeliveriesDeps,
  principal: Principal,
  webhookId: string,
  deliveryId: string,
): Promise<Delivery> {
  const webhook = await getWebhook(deps, principal, webhookId)
  const delivery = await findDeliveryRow(deps.database, webhook.id, deliveryId)
  if (!delivery) throw new AppError('not-found', 'Delivery not found')
  if (!webhook.enabled) throw new AppError('conflict', 'The webhook is disabled')
  if (delivery.status === 'pending') throw new AppError('conflict', 'The delivery is pending')
  if (!(await deps.database.write((tx) => reopenDelivery(tx, delivery.id, deps.now()))))
    throw new AppError('conflict', 'The payload was removed, or the delivery is pending by now')
  deps.ring()
  return (await findDeliveryRow(deps.database, webhook.id, deliveryId)) ?? delivery
}

/** Forgets what ended long ago. */
export async function pruneDeliveries({ database, now }: Pick<DeliveriesDeps, 'database' | 'now'>): Promise<void> {
  for (const status of ['delivered', 'failed'] as const)
    while (await database.write((tx) => deleteEnded(tx, status, now() - keptMs[status])));
}
