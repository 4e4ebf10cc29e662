import { invalid } from '#errors/index.ts'

/** What a webhook may subscribe to: what happens in its workspace … */
const workspaceEvents = [
  'conversation.created',
  'conversation.completed',
  'usage.threshold_reached',
  'guardrail.hit',
  'workflow.completed',
  'workflow.failed',
  'member.added',
  'member.removed',
  'webhook.test',
] as const
/** … and what concerns the whole server. */
const serverEvents = ['user.registered', 'channel.health_changed'] as const

export type WebhookEvent = (typeof workspaceEvents)[number] | (typeof serverEvents)[number]

const known: readonly string[] = [...workspaceEvents, ...serverEvents]

/** Only for administrators of the server. */
export function isServerWide(event: string): boolean {
  return (serverEvents as readonly string[]).includes(event)
}

/** Each once, in the order given. Throws `invalid-request` naming the first that there is not. */
export function readEvents(names: readonly string[]): WebhookEvent[] {
  if (names.length === 0) throw invalid('events', "'events' must name at least one event")
  const unknown = names.findIndex((name) => !known.includes(name))
  if (unknown >= 0) throw invalid(`events[${unknown}]`, `events[${unknown}] must be one of ${known.join(', ')}`)
  return [...new Set(names)] as WebhookEvent[]
}
