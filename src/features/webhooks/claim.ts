import { sql } from 'kysely'
import type { Database, Transaction } from '#store/index.ts'
import { toWebhook } from './store.ts'
import type { Webhook } from './webhook.ts'

/** A delivery that this process sends now. */
export interface Claimed {
  id: number
  publicId: string
  event: string
  /** The body; empty: removed. */
  payload: string
  /** Made before this one. */
  attempts: number
  /** Until when it is ours; also what it is known by when it is written back. */
  leaseUntil: number
  webhook: Webhook
  /** Who made the webhook administers the server now. */
  isVouched: boolean
}

/** Literally, so that both databases see that the index of pending ones has all that is asked for. */
const pending = sql.lit('pending' as const)

/** Webhooks that something is due for, those that wait longest first. */
export async function findDue(
  database: Database,
  now: number,
  { except, limit }: { except: readonly number[]; limit: number },
): Promise<number[]> {
  const rows = await database.read
    .selectFrom('webhook_deliveries')
    .select((eb) => ['webhook_id', eb.fn.min('due_at').as('since')])
    .where('status', '=', pending)
    .where('due_at', '<=', now)
    .$if(except.length > 0, (query) => query.where('webhook_id', 'not in', except))
    .groupBy('webhook_id')
    .orderBy('since')
    .limit(limit)
    .execute()
  return rows.map((row) => row.webhook_id)
}

/**
 * Takes up to `most` due deliveries of a webhook until `leaseUntil`: nobody else takes them before then. Who dies with
 * them has them sent again by whoever looks after that.
 */
export async function claim(
  tx: Transaction,
  dialect: Database['dialect'],
  due: { webhookId: number; most: number; now: number; leaseUntil: number },
): Promise<Claimed[]> {
  const { webhookId, most, now, leaseUntil } = due
  // A query of its own: within the update PostgreSQL may run it again for each row, and the limit with it.
  const found = await tx.db
    .selectFrom('webhook_deliveries')
    .select('id')
    .where('webhook_id', '=', webhookId)
    .where('status', '=', pending)
    .where('due_at', '<=', now)
    .orderBy('due_at')
    .orderBy('id')
    .limit(most)
    // What another process is taking at this moment is not waited for.
    .$if(dialect === 'postgres', (query) => query.forUpdate().skipLocked())
    .execute()
  if (found.length === 0) return []
  const taken = await tx.db
    .updateTable('webhook_deliveries')
    .set({ due_at: leaseUntil })
    .where(
      'id',
      'in',
      found.map((one) => one.id),
    )
    .returning(['id', 'public_id', 'event', 'payload', 'attempts'])
    .execute()
  const row = await tx.db
    .selectFrom('webhooks as w')
    .innerJoin('users as u', 'u.id', 'w.created_by')
    .selectAll('w')
    .select(['u.is_admin', 'u.disabled'])
    .where('w.id', '=', webhookId)
    .executeTakeFirst()
  if (!row) return []
  const webhook = toWebhook(row)
  const isVouched = row.is_admin === 1 && row.disabled === 0
  return taken.map((one) => ({
    id: one.id,
    publicId: one.public_id,
    event: one.event,
    payload: one.payload,
    attempts: one.attempts,
    leaseUntil,
    webhook,
    isVouched,
  }))
}
