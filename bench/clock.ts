/** One clock for all processes of a run: tokens carry the time at which the mock sent them. */
import { Buffer } from 'node:buffer'
import type { Samples } from './statistics.ts'

const MARK = Buffer.from('t=')
/** Milliseconds and microseconds, with leading zeros. */
const LENGTH = 18

// The monotonic clock of Linux is the same in every process; `performance.now` reads it from another zero.
const zero = Number(process.hrtime.bigint() / 1000n) / 1000 - performance.now()

export function now(): number {
  return zero + performance.now()
}

/** What a token says, always as long. */
export function stamp(): string {
  return `t=${now().toFixed(3).padStart(LENGTH, '0')}`
}

/** Adds the age of every stamp in some bytes, whatever stands around it, and gives their number. */
export function addDelays(bytes: Buffer, delays: Samples): number {
  let count = 0
  const arrivedAt = now()
  for (let at = bytes.indexOf(MARK); at >= 0; at = bytes.indexOf(MARK, at + LENGTH)) {
    const sentAt = Number(bytes.toString('latin1', at + MARK.length, at + MARK.length + LENGTH))
    if (!(sentAt > 0)) continue
    delays.add(arrivedAt - sentAt)
    count += 1
  }
  return count
}
