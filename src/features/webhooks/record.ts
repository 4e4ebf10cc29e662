import { sql } from 'kysely'
import type { WebhookDisabled } from '#contracts/index.ts'
import type { Transaction, WebhookDeliveriesTable } from '#store/index.ts'
import type { Outcome } from './attempt.ts'
import type { Claimed } from './claim.ts'
import { failPending } from './delivery-rows.ts'
import { isServerWide } from './events.ts'
import type { Webhook } from './webhook.ts'
import { disabledError } from './webhooks.ts'

const minuteMs = 60_000
const hourMs = 60 * minuteMs
/** Pauses after the first attempt, the second, …; after the last of them it is given up. */
const pausesMs = [
  5_000,
  5 * minuteMs,
  30 * minuteMs,
  2 * hourMs,
  5 * hourMs,
  10 * hourMs,
  14 * hourMs,
  20 * hourMs,
  24 * hourMs,
]
const longestPauseMs = 24 * hourMs
/** A webhook is given up after so many deliveries in a row, when nothing has been delivered for so long. */
const givenUpAfter = { failures: 5, ms: 72 * hourMs }

/** Why a delivery is not to be sent at all; undefined: it is. */
export function problemOf({ webhook, event, payload, isVouched }: Claimed): string | undefined {
  if (!webhook.enabled) return disabledError
  if (payload === '') return 'The payload was removed'
  if (isServerWide(event) && !(isVouched && (webhook.events as string[]).includes(event)))
    return 'Who made the webhook does not administer this server any more, or it does not listen to this'
  return undefined
}

/**
 * Writes what became of an attempt, and what it means for the webhook. Nothing, when the delivery is somebody else's by
 * now. `random`: 0 to 1.
 */
export async function recordOutcome(
  tx: Transaction,
  claimed: Claimed,
  outcome: Outcome,
  { now, random }: { now: number; random: number },
): Promise<void> {
  const { webhook } = claimed
  const attempts = claimed.attempts + 1
  const told = {
    attempts,
    response_status: outcome.status ?? null,
    latency_ms: outcome.latencyMs,
    error: outcome.error ?? null,
  }
  if (outcome.delivered) {
    // The webhook's row before the delivery's, here and below: two processes must not wait for each other.
    await tx.db
      .updateTable('webhooks')
      .set({ failures: 0, failing_since: null })
      .where('id', '=', webhook.id)
      .where('failing_since', 'is not', null)
      .execute()
    await write(tx, claimed, { ...told, status: 'delivered', ended_at: now })
    return
  }
  await tx.db
    .updateTable('webhooks')
    .set({ failing_since: sql`coalesce(failing_since, ${now})` })
    .where('id', '=', webhook.id)
    .execute()
  const isGone = outcome.status === 410
  const pause = isGone ? undefined : pausesMs[attempts - 1]
  if (pause !== undefined) {
    const spread = pause * (0.9 + random / 5)
    const wanted = Math.min(outcome.retryAfterMs ?? 0, longestPauseMs)
    await write(tx, claimed, { ...told, due_at: now + Math.round(Math.max(spread, wanted)) })
    return
  }
  if (!(await write(tx, claimed, { ...told, status: 'failed', ended_at: now }))) return
  const state = await tx.db
    .updateTable('webhooks')
    .set({ failures: sql`failures + 1` })
    .where('id', '=', webhook.id)
    .returning(['failures', 'failing_since'])
    .executeTakeFirst()
  const isFailing =
    state !== undefined &&
    state.failures >= givenUpAfter.failures &&
    now - (state.failing_since ?? now) >= givenUpAfter.ms
  if (isGone || isFailing) await disable(tx, webhook, isGone ? 'gone' : 'failing', now)
}

/** Ends a delivery that is not to be sent. */
export async function recordProblem(tx: Transaction, claimed: Claimed, error: string, now: number): Promise<void> {
  await write(tx, claimed, { status: 'failed', error, ended_at: now })
}

/** Gives back a delivery of which nothing is known; it counts as never taken. */
export async function giveBack(tx: Transaction, claimed: Claimed, now: number): Promise<void> {
  await write(tx, claimed, { due_at: now })
}

/** False: it was not ours any more. */
async function write(tx: Transaction, claimed: Claimed, values: Partial<Omit<WebhookDeliveriesTable, 'id'>>) {
  const result = await tx.db
    .updateTable('webhook_deliveries')
    .set(values)
    .where('id', '=', claimed.id)
    .where('status', '=', 'pending')
    .where('due_at', '=', claimed.leaseUntil)
    .executeTakeFirst()
  return Number(result.numUpdatedRows) === 1
}

async function disable(
  tx: Transaction,
  webhook: Webhook,
  reason: NonNullable<Webhook['disabledReason']>,
  now: number,
): Promise<void> {
  const result = await tx.db
    .updateTable('webhooks')
    .set({ enabled: 0, disabled_reason: reason, updated_at: now })
    .where('id', '=', webhook.id)
    .where('enabled', '=', 1)
    .executeTakeFirst()
  if (Number(result.numUpdatedRows) !== 1) return
  await failPending(tx, webhook.id, disabledError, now)
  const event: WebhookDisabled = {
    type: 'webhook-disabled',
    workspaceId: webhook.workspaceId,
    webhookId: webhook.publicId,
    reason,
    at: now,
  }
  tx.tell(event)
}
