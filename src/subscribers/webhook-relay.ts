import type { WebhookDisabled, WebhookRelay } from '#contracts/index.ts'
import { hasServerListener, turnsWithListener, workspacesWithListener } from '#features/webhooks/index.ts'
import type { OutboxEvent, Transaction } from '#store/index.ts'

type Relayed = WebhookRelay['event']
/** What the relayed subscribers hear; that a webhook was given up is no event for the others. */
type Heard = Relayed | WebhookDisabled

/**
 * A subscriber that passes on what webhooks may want of the events it is told. So whoever has no webhook pays no row in
 * the outbox for them, only its share of a look for each batch; and what webhooks make of an event is retried by itself.
 */
export function relayed<D>(
  handle: (tx: Transaction, events: OutboxEvent[], io: D) => Promise<void>,
): (tx: Transaction, events: OutboxEvent[], io: D) => Promise<void> {
  return async (tx, events, io) => {
    await handle(tx, events, io)
    for (const event of await wanted(tx, events as unknown as Heard[]))
      tx.tell({ type: 'webhook-relay', event } satisfies WebhookRelay)
  }
}

async function wanted(tx: Transaction, heard: readonly Heard[]): Promise<Relayed[]> {
  const events = heard.filter((event) => event.type !== 'webhook-disabled')
  const settled = events.filter((event) => event.type === 'chat-settled')
  const turns = new Set(
    await turnsWithListener(
      tx,
      settled.map((event) => event.turn),
    ),
  )
  const places = new Set(events.map(placeOf).filter((id) => id !== undefined))
  const listening = await workspacesWithListener(tx, [...places])
  const circuits = events.some((event) => event.type === 'circuit-changed') && (await hasServerListener(tx))
  return events.filter((event) => {
    if (event.type === 'chat-settled') return turns.has(event.turn)
    if (event.type === 'circuit-changed') return circuits
    return listening.has(placeOf(event) ?? 0)
  })
}

function placeOf(event: Relayed): number | undefined {
  if ('workspaceId' in event) return event.workspaceId
  return 'workspace' in event ? event.workspace.id : undefined
}
