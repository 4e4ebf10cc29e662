import type { Envelope, TurnEvent } from '#contracts/index.ts'
import { thrownFrom } from './failure.ts'

/** Events that may come before it is known whether the turn will answer at all. */
const prelude = new Set<TurnEvent['type']>([
  'turn-start',
  'model-start',
  'retry',
  'context-trim',
  'memory-update',
  // Of a call of which nothing was shown.
  'model-end',
])

/**
 * Waits until a turn has begun to answer, so that a failure before that can still be an HTTP status: throws the
 * AppError it failed with. After `atMostMs` the wait is over, and a later failure is told within the stream. `events` is a reader
 * of its own, from the first event on, and is left behind.
 */
export async function opening(events: AsyncIterableIterator<Envelope[]>, atMostMs: number): Promise<void> {
  const timer = setTimeout(() => void events.return?.(), atMostMs)
  try {
    for await (const batch of events) {
      const decisive = batch.find(({ event }) => !prelude.has(event.type))?.event
      if (!decisive) continue
      if (decisive.type === 'turn-end' && decisive.error) throw thrownFrom(decisive.error)
      return
    }
  } finally {
    clearTimeout(timer)
  }
}
