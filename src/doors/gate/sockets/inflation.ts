import type { Socket } from 'node:net'

/** How much more than it sent a peer's messages may come to, in messages of the largest size: at once, and again each second. */
const mostAtOnce = 4
const perSecond = 1

/**
 * Weighs what a peer's messages come to against the bytes it sent for them. A kilobyte can unpack to a megabyte, again and
 * again, and unpacking costs much more than receiving; messages that were not packed cost nothing here.
 */
export interface Inflation {
  /** One message more, at a time in milliseconds; false when it is too much. */
  allows(length: number, now: number): boolean
}

export function inflation(stream: Pick<Socket, 'bytesRead'>, largest: number, now: number): Inflation {
  let excess = 0
  let read = 0
  let at = now
  return {
    allows(length, now) {
      const sent = stream.bytesRead - read
      read += sent
      excess = Math.max(0, excess + length - sent - (Math.max(0, now - at) / 1000) * perSecond * largest)
      at = now
      return excess <= mostAtOnce * largest
    },
  }
}
