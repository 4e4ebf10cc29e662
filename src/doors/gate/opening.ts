import type { Envelope, TurnEvent } from '#contracts/index.ts'
import { AppError } from '#errors/index.ts'

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

type Batches = AsyncIterableIterator<Envelope[]>

/**
 * Waits until a turn has begun to answer, so that a failure before that can still be an HTTP status: throws the
 * AppError it failed with. After `atMostMs` the wait is over, and a later failure is told within the stream.
 * Returns an iterator over everything, from the first event on.
 */
export async function opening(batches: Batches, atMostMs: number): Promise<Batches> {
  const held: Envelope[][] = []
  let pending: Promise<IteratorResult<Envelope[]>> | undefined
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(resolve, atMostMs, 'late')
  })
  try {
    for (;;) {
      pending = batches.next()
      const first = await Promise.race([pending, late])
      if (first === 'late') break
      pending = undefined
      if (first.done) break
      held.push(first.value)
      const decisive = first.value.find(({ event }) => !prelude.has(event.type))?.event
      if (!decisive) continue
      if (decisive.type === 'turn-end' && decisive.error) throw thrownFrom(decisive.error)
      break
    }
  } finally {
    clearTimeout(timer)
  }
  return resumed(batches, held, pending)
}

/** An error that was data in an event, as one to throw. */
export function thrownFrom(info: {
  code: AppError['code']
  message: string
  details?: object
  retryAfterMs?: number
}): AppError {
  return new AppError(info.code, info.message, {
    ...(info.details && { details: info.details as Record<string, unknown> }),
    ...(info.retryAfterMs !== undefined && { retryAfterMs: info.retryAfterMs }),
  })
}

function resumed(
  batches: Batches,
  held: Envelope[][],
  pending: Promise<IteratorResult<Envelope[]>> | undefined,
): Batches {
  let waiting = pending
  return {
    [Symbol.asyncIterator]() {
      return this
    },
    next() {
      const batch = held.shift()
      if (batch) return Promise.resolve({ done: false, value: batch })
      const next = waiting ?? batches.next()
      waiting = undefined
      return next
    },
    return: (value) => batches.return!(value),
  }
}
