import type { AfterCommit, JobHandler } from '#jobs/index.ts'
import type { OutboxEvent, Transaction } from '#store/index.ts'
import { type BroadcastDeps, broadcast } from './broadcast.ts'
import { type HistorySubscriberDeps, writeHistory } from './history.ts'
import { type NotifyDeps, notify } from './notify.ts'
import { gatherUsage, usageRollup } from './usage-rollup.ts'
import { relayed } from './webhook-relay.ts'
import { queueWebhooks, type WebhookSubscriberDeps } from './webhooks.ts'

/** What subscribers reach besides the database. */
export interface SubscriberDeps extends NotifyDeps, BroadcastDeps, HistorySubscriberDeps, WebhookSubscriberDeps {}

/**
 * What looks on after a commit. A subscriber is told of the event types it names, each of them is retried on its own,
 * in no order that it may rely on; it can change nothing of the turn.
 */
export interface Subscriber {
  hears: readonly OutboxEvent['type'][]
  /** Makes the events of one commit fewer before they are written; `handle` gets what this gives. */
  gather?(events: OutboxEvent[]): OutboxEvent[]
  /**
   * Gets events of one or more commits, oldest first, and the transaction in which they are ticked off; what other
   * connections are to see of it belongs into `afterCommit`.
   */
  handle(tx: Transaction, events: OutboxEvent[], io: SubscriberDeps & { afterCommit: AfterCommit }): Promise<void>
}

export const subscribers: Record<string, Subscriber> = {
  'usage-rollup': { hears: ['turn-settled'], gather: gatherUsage, handle: usageRollup },
  history: { hears: ['chat-settled'], handle: relayed(writeHistory) },
  notify: {
    hears: [
      'member-changed',
      'workflow-settled',
      'budget-crossed',
      'circuit-changed',
      'guardrail-hit',
      'webhook-disabled',
    ],
    handle: relayed(notify),
  },
  broadcast: { hears: ['member-changed', 'app-changed'], handle: broadcast },
  webhooks: { hears: ['webhook-relay', 'conversation-created', 'user-registered'], handle: queueWebhooks },
}

/** The subscribers as handlers of the job queue, one kind of job each. */
export function subscriberJobs(deps: SubscriberDeps): Record<string, JobHandler> {
  return Object.fromEntries(
    Object.entries(subscribers).map(([name, { handle }]): [string, JobHandler] => [
      `subscriber:${name}`,
      (tx, payloads, afterCommit) => handle(tx, payloads.flat() as OutboxEvent[], { ...deps, afterCommit }),
    ]),
  )
}

/** Names of the subscribers that hear of an event. */
export function subscribersOf(event: OutboxEvent): readonly string[] {
  return byType.get(event.type) ?? none
}

/** What a subscriber is told of the events of one commit that it hears of. */
export function gathered(name: string, events: OutboxEvent[]): OutboxEvent[] {
  return subscribers[name]?.gather?.(events) ?? events
}

const none: readonly string[] = []
const byType = new Map<string, string[]>()
for (const [name, { hears }] of Object.entries(subscribers))
  for (const type of hears) byType.set(type, [...(byType.get(type) ?? []), name])
