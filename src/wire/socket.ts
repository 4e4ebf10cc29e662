import type { WebSocket } from 'ws'

/** Resolves when all that was sent has left this process, or the socket has closed. */
export function drained(socket: WebSocket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.readyState !== socket.OPEN) return resolve()
    const done = () => {
      socket.off('close', done)
      resolve()
    }
    socket.once('close', done)
    // An empty ping goes out after all that is queued; it tells when the queue has been taken.
    socket.ping(undefined, undefined, done)
  })
}

/** What a wheel turns over. `slot` is the wheel's own. */
export interface Beating {
  slot: number
  beat(): void
}

/** Everything in it, and a beat for each once in a while. */
export interface Wheel<T extends Beating> extends Iterable<T> {
  add(member: T): void
  remove(member: T): void
  stop(): void
}

const slotCount = 30

/**
 * Beats each member every `everyMs`. One timer for all, and a share of them at a time: ten thousand pings at once would
 * stop everything else.
 */
export function wheel<T extends Beating>(everyMs: number): Wheel<T> {
  const slots = Array.from({ length: slotCount }, () => new Set<T>())
  let at = 0
  const timer = setInterval(() => {
    at = (at + 1) % slotCount
    for (const member of slots[at]!) member.beat()
  }, everyMs / slotCount)
  timer.unref()
  return {
    // The slot that has just passed: the first beat comes after a whole round.
    add(member) {
      member.slot = at
      slots[at]!.add(member)
    },
    remove: (member) => void slots[member.slot]!.delete(member),
    stop: () => clearInterval(timer),
    *[Symbol.iterator]() {
      for (const slot of slots) yield* slot
    },
  }
}
