import type { ConversationCreated, UserRegistered, WebhookRelay } from '#contracts/index.ts'
import { addDeliveries, type Happening, type Webhooks } from '#features/webhooks/index.ts'
import type { AfterCommit } from '#jobs/index.ts'
import type { OutboxEvent, Transaction } from '#store/index.ts'
import { happeningsOf, happeningsOfTurns } from './webhook-events.ts'

export interface WebhookSubscriberDeps {
  webhooks: Pick<Webhooks, 'ring'>
  now(): number
}

/** Writes what is to be sent to webhooks; the worker takes it from there. */
export async function queueWebhooks(
  tx: Transaction,
  events: OutboxEvent[],
  { webhooks, now, afterCommit }: WebhookSubscriberDeps & { afterCommit: AfterCommit },
): Promise<void> {
  const told = (events as unknown as (WebhookRelay | ConversationCreated | UserRegistered)[]).map((event) =>
    event.type === 'webhook-relay' ? event.event : event,
  )
  const turns = told.filter((event) => event.type === 'chat-settled').map((event) => event.turn)
  const happenings: Happening[] = await happeningsOfTurns(tx, turns)
  for (const event of told)
    if (event.type !== 'chat-settled') happenings.push(...(await happeningsOf(tx, event, now())))
  if ((await addDeliveries(tx, happenings, now())) > 0) afterCommit(webhooks.ring)
}
