import { isUtf8 } from 'node:buffer'
import { invalid } from '#errors/index.ts'

/** As deep as tools' results and workflow inputs may be; what recurses over them comes back. */
export const deepest = 64
export const mostValues = 100_000

/** How an array, a map or the frame itself goes on. */
interface Level {
  /** Values that are still to come; of a map, keys and values. */
  left: number
  /** Of a map: the keys that came. */
  keys?: Set<string>
}

/**
 * Whether these bytes are one MessagePack value that may be decoded: nothing claims more than is there, nothing lies too
 * deep, no key comes twice. A decoder makes room for what a frame claims before it sees whether it comes, so it is given
 * only what has passed here. Throws `invalid-request` naming `frame`.
 */
export function scan(frame: Buffer): void {
  const levels: Level[] = [{ left: 1 }]
  let at = 0
  let values = 0

  /** Takes `size` bytes; returns where they begin. */
  function take(size: number): number {
    if (at + size > frame.length) throw malformed('ends too early')
    at += size
    return at - size
  }

  function open(count: number, keys?: Set<string>): void {
    // Every value takes a byte at least.
    if (count > frame.length - at) throw malformed('claims more than it has')
    if (levels.length > deepest) throw malformed('is nested too deeply')
    levels.push({ left: count, ...(keys && { keys }) })
  }

  function string(length: number, keys: Set<string> | undefined): void {
    const from = take(length)
    if (!isUtf8(frame.subarray(from, at))) throw malformed('has text that is not UTF-8')
    if (!keys) return
    const key = frame.toString('latin1', from, at)
    if (key === '__proto__') throw malformed('has a key that is not allowed')
    if (keys.has(key)) throw malformed('has the same key twice')
    keys.add(key)
  }

  function float(value: number): void {
    if (!Number.isFinite(value)) throw malformed('has a number that is none')
  }

  /** The length that follows a head: one, two or four bytes of it. */
  function length(bytes: number): number {
    return frame.readUIntBE(take(bytes), bytes)
  }

  function value(keys: Set<string> | undefined): void {
    const head = frame[take(1)]!
    const text = isBetween(head, 0xa0, 0xbf)
      ? head & 0x1f
      : isBetween(head, 0xd9, 0xdb)
        ? length(1 << (head - 0xd9))
        : undefined
    if (text !== undefined) string(text, keys)
    else if (keys) throw malformed('has a key that is not text')
    else if (isBetween(head, 0x80, 0x8f)) open((head & 0x0f) * 2, new Set())
    else if (isBetween(head, 0xde, 0xdf)) open(length(2 << (head - 0xde)) * 2, new Set())
    else if (isBetween(head, 0x90, 0x9f)) open(head & 0x0f)
    else if (isBetween(head, 0xdc, 0xdd)) open(length(2 << (head - 0xdc)))
    else if (isBetween(head, 0xc4, 0xc6)) take(length(1 << (head - 0xc4)))
    else if (head === 0xca) float(frame.readFloatBE(take(4)))
    else if (head === 0xcb) float(frame.readDoubleBE(take(8)))
    else if (isBetween(head, 0xcc, 0xcf)) take(1 << (head - 0xcc))
    else if (isBetween(head, 0xd0, 0xd3)) take(1 << (head - 0xd0))
    else if (head === 0xc1 || isBetween(head, 0xc7, 0xc9) || isBetween(head, 0xd4, 0xd8))
      throw malformed('has an extension type, of which none is known here')
    // What is left are small integers, nil, false and true: the head is all of them.
  }

  for (let level = levels.at(-1); level; level = levels.at(-1)) {
    if (level.left === 0) {
      levels.pop()
      continue
    }
    if (++values > mostValues) throw malformed(`has more than ${mostValues} values`)
    level.left--
    value(level.left % 2 === 1 ? level.keys : undefined)
  }
  if (at < frame.length) throw malformed('goes on after its end')
}

function isBetween(head: number, first: number, last: number): boolean {
  return head >= first && head <= last
}

function malformed(how: string) {
  return invalid('frame', `The MessagePack frame ${how}`, 'malformed')
}
