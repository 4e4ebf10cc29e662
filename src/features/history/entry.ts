import { type Message, type Part, textOf } from '#contracts/index.ts'

/** An ended turn as the history shows it. */
export interface HistoryEntry {
  /** Public ids. */
  turnId: string
  userId: string
  objectId: string | null
  externalUserId: string | null
  question: string
  answer: string
  /** Asked by somebody who came with the app's access token. */
  isVisitors: boolean
  isCleared: boolean
  /** What the newest feedback says. */
  isPositive: boolean | null
  /** What a turn that is more than a chat was said to do, as its door noted it. */
  event?: Record<string, unknown>
  /** Unix ms. */
  createdAt: number
  endedAt: number
}

/** What people said in a turn. */
export function questionOf(messages: readonly Message[]): string {
  return messages
    .filter((message) => message.role === 'user')
    .map((message) => textOf(message.parts))
    .join('\n')
}

export function answerOf(parts: readonly Part[]): string {
  return textOf(parts)
}

/** Metadata are anybody's: only what this door noted makes an event. */
const eventDoor = 'kadal'

/** What a turn was besides a chat, by its door and metadata. */
export function eventOf(door: string, metadata: string | null): Record<string, unknown> | undefined {
  if (door !== eventDoor || metadata === null) return undefined
  const noted = JSON.parse(metadata) as Record<string, unknown>
  return noted.category === 'event' ? noted : undefined
}

/** Whether a turn was said to switch tools or the model. */
export function isToolEvent(event: Record<string, unknown> | undefined): boolean {
  return event?.type === 'tool' || event?.type === 'verbose'
}
