import type { Selectable } from 'kysely'
import type { Database, Transaction, WebhooksTable } from '#store/index.ts'
import { isServerWide, type WebhookEvent } from './events.ts'
import type { Webhook } from './webhook.ts'

export interface NewWebhook {
  publicId: string
  workspaceId: number
  url: string
  events: WebhookEvent[]
  description: string
  /** Sealed. */
  secret: string
  enabled: boolean
  createdBy: number
  now: number
}

export async function insertWebhook(tx: Transaction, webhook: NewWebhook): Promise<void> {
  await tx.db
    .insertInto('webhooks')
    .values({
      public_id: webhook.publicId,
      workspace_id: webhook.workspaceId,
      url: webhook.url,
      ...eventColumns(webhook.events),
      description: webhook.description,
      secret: webhook.secret,
      old_secret: null,
      old_secret_until: null,
      enabled: webhook.enabled ? 1 : 0,
      disabled_reason: null,
      failures: 0,
      failing_since: null,
      created_by: webhook.createdBy,
      created_at: webhook.now,
      updated_at: webhook.now,
    })
    .execute()
}

export function eventColumns(events: readonly WebhookEvent[]): Pick<WebhooksTable, 'events' | 'server_wide'> {
  return { events: JSON.stringify(events), server_wide: events.some(isServerWide) ? 1 : 0 }
}

/** Newest first. */
export async function listWebhookRows(
  database: Database,
  workspaceId: number,
  page: { limit: number; offset: number },
): Promise<Webhook[]> {
  const rows = await database.read
    .selectFrom('webhooks')
    .selectAll()
    .where('workspace_id', '=', workspaceId)
    .orderBy('id', 'desc')
    .limit(page.limit)
    .offset(page.offset)
    .execute()
  return rows.map(toWebhook)
}

export async function findWebhookRow(
  database: Database,
  workspaceId: number,
  publicId: string,
): Promise<Webhook | undefined> {
  const row = await database.read
    .selectFrom('webhooks')
    .selectAll()
    .where('workspace_id', '=', workspaceId)
    .where('public_id', '=', publicId)
    .executeTakeFirst()
  return row && toWebhook(row)
}

export async function countWebhooks(db: Transaction['db'], workspaceId: number): Promise<number> {
  const { count } = await db
    .selectFrom('webhooks')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('workspace_id', '=', workspaceId)
    .executeTakeFirstOrThrow()
  return Number(count)
}

/** Writes the row if it is still as it was read; false when somebody else wrote it meanwhile. */
export async function updateWebhookRow(
  tx: Transaction,
  before: Webhook,
  values: Partial<Omit<WebhooksTable, 'id' | 'updated_at'>>,
  now: number,
): Promise<boolean> {
  const result = await tx.db
    .updateTable('webhooks')
    // Later than what was read, so that a second writer who read the same row notices.
    .set({ ...values, updated_at: Math.max(now, before.updatedAt + 1) })
    .where('id', '=', before.id)
    .where('updated_at', '=', before.updatedAt)
    .executeTakeFirst()
  return Number(result.numUpdatedRows) === 1
}

export async function deleteWebhookRow(tx: Transaction, id: number): Promise<void> {
  await tx.db.deleteFrom('webhooks').where('id', '=', id).execute()
}

export function toWebhook(row: Selectable<WebhooksTable>): Webhook {
  return {
    id: row.id,
    publicId: row.public_id,
    workspaceId: row.workspace_id,
    url: row.url,
    events: JSON.parse(row.events) as WebhookEvent[],
    isServerWide: row.server_wide === 1,
    description: row.description,
    secret: row.secret,
    oldSecret: row.old_secret,
    oldSecretUntil: row.old_secret_until,
    enabled: row.enabled === 1,
    disabledReason: row.disabled_reason,
    createdBy: row.created_by,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }
}
