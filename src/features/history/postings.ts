/**
 * Which rows of a segment have which letter sequences. Every sequence of one, two or three UTF-16 units is hashed to a
 * slot; a slot lists the rows that have a sequence of it, so it may list too many, never too few.
 */

export const slotCount = 1 << 15

function slotOf(a: number, b: number, c: number): number {
  let hash = Math.imul(a, 0x9e3779b1) ^ Math.imul(b, 0x85ebca6b) ^ Math.imul(c, 0xc2b2ae35)
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
  return (hash ^ (hash >>> 13)) >>> 17
}

/** Marks a text as row `offset` in the table of a segment, where each slot has `stride` bytes of one bit a row. */
export function markText(table: Uint8Array, stride: number, offset: number, text: string): void {
  const byte = offset >> 3
  const bit = 1 << (offset & 7)
  const mark = (slot: number) => {
    table[slot * stride + byte]! |= bit
  }
  let a = 0
  let b = 0
  for (let at = 0; at < text.length; at++) {
    const c = text.charCodeAt(at)
    mark(slotOf(0, 0, c))
    if (at > 0) mark(slotOf(0, b, c))
    if (at > 1) mark(slotOf(a, b, c))
    a = b
    b = c
  }
}

/** More of them would hardly leave fewer rows. */
const mostSlots = 12

/** Slots that a row must be in to contain `text`; the longest sequences that there are, from all over it. */
export function slotsFor(text: string): number[] {
  const at = (index: number) => text.charCodeAt(index)
  if (text.length === 1) return [slotOf(0, 0, at(0))]
  if (text.length === 2) return [slotOf(0, at(0), at(1))]
  const sequences = text.length - 2
  const step = Math.max(1, sequences / mostSlots)
  const slots = new Set<number>()
  for (let index = 0; index < sequences; index += step) {
    const start = Math.floor(index)
    slots.add(slotOf(at(start), at(start + 1), at(start + 2)))
  }
  return [...slots]
}

/**
 * The bits of a slot as they are stored: the distances between the rows, one byte each below 128 and two above, or the
 * bits themselves where that is no longer. Undefined: no row.
 */
export function encodeRows(bits: Uint8Array): Uint8Array | undefined {
  const list: number[] = []
  let last = -1
  for (let byte = 0; byte < bits.length; byte++) {
    const rest = bits[byte]!
    if (rest === 0) continue
    for (let bit = 0; bit < 8; bit++) {
      if ((rest & (1 << bit)) === 0) continue
      const row = byte * 8 + bit
      const distance = row - last - 1
      last = row
      if (distance < 128) list.push(distance)
      else list.push(128 | (distance >> 8), distance & 255)
    }
    if (list.length >= bits.length) return bits
  }
  return last < 0 ? undefined : Uint8Array.from(list)
}

/** The bits of a stored slot, `stride` bytes. */
export function decodeRows(stored: Uint8Array, stride: number): Uint8Array {
  if (stored.length === stride) return stored
  const bits = new Uint8Array(stride)
  let row = -1
  for (let at = 0; at < stored.length; at++) {
    const first = stored[at]!
    row += 1 + (first < 128 ? first : ((first & 127) << 8) | stored[++at]!)
    bits[row >> 3]! |= 1 << (row & 7)
  }
  return bits
}

/** The rows that are in all of these slots, ascending. */
export function rowsInAll(slots: readonly Uint8Array[]): number[] {
  const [first, ...others] = slots
  const rows: number[] = []
  for (let byte = 0; byte < (first?.length ?? 0); byte++) {
    let rest = first![byte]!
    for (const other of others) rest &= other[byte]!
    for (let bit = 0; rest >> bit !== 0; bit++) if ((rest & (1 << bit)) !== 0) rows.push(byte * 8 + bit)
  }
  return rows
}
