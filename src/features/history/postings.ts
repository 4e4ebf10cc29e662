/**
 * Which rows of a segment have which letter sequences. Sequences of one and two UTF-16 units, of three in scripts of few
 * letters, and of five around a space are hashed to slots; a slot lists the rows that have a sequence of it, so it may list too many, never too
 * few. A single slot lists one row in thirty by chance, and what is looked for may be no longer than one sequence:
 * the short ones therefore have several slots each.
 */

export const slotCount = 1 << 15

const seeds = { one: [1, 2], two: [3, 4, 5], three: 6, joint: 7 }
const space = 32

function slotOf(seed: number, a: number, b: number, c: number): number {
  let hash =
    Math.imul(a, 0x9e3779b1) ^ Math.imul(b, 0x85ebca6b) ^ Math.imul(c, 0xc2b2ae35) ^ Math.imul(seed, 0x27d4eb2f)
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
  return (hash ^ (hash >>> 13)) >>> 17
}

/** From here on scripts have so many letters that two of them say as much as three elsewhere: Han, Kana, Hangul. */
const manyLetters = 0x2e80

/** Calls `see` with the slots of each sequence that ends at `at`. */
function slotsAt(text: string, at: number, see: (slot: number) => void): void {
  const c = text.charCodeAt(at)
  for (const seed of seeds.one) see(slotOf(seed, 0, 0, c))
  if (at === 0) return
  const b = text.charCodeAt(at - 1)
  for (const seed of seeds.two) see(slotOf(seed, 0, b, c))
  if (at === 1) return
  const a = text.charCodeAt(at - 2)
  if (a < manyLetters && b < manyLetters && c < manyLetters) see(slotOf(seeds.three, a, b, c))
  if (a !== space || at < 4) return
  // Many texts have both of two common words, fewer have the one behind the other.
  const before = text.charCodeAt(at - 4) * 65_536 + text.charCodeAt(at - 3)
  see(slotOf(seeds.joint, before, b, c))
}

/** Marks a text as row `offset` in the table of a segment, where each slot has `stride` bytes of one bit a row. */
export function markText(table: Uint8Array, stride: number, offset: number, text: string): void {
  const byte = offset >> 3
  const bit = 1 << (offset & 7)
  const mark = (slot: number) => {
    table[slot * stride + byte]! |= bit
  }
  for (let at = 0; at < text.length; at++) slotsAt(text, at, mark)
}

/** Places of a long text that are looked at, from all over it. */
const mostPlaces = 12

/** Slots that every row has that contains `text`; not those of single letters where there is more to go by. */
export function slotsFor(text: string): number[] {
  const slots = new Set<number>()
  const first = Math.min(text.length - 1, 1)
  const step = Math.max(1, (text.length - first) / mostPlaces)
  for (let index = first; index < text.length; index += step) {
    const found: number[] = []
    slotsAt(text, Math.floor(index), (slot) => found.push(slot))
    const single = seeds.one.length
    for (const slot of found.length > single ? found.slice(single) : found) slots.add(slot)
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

/** The rows that are in all of these stored slots of a segment, ascending; `stride` is how many bytes its bits have. */
export function rowsInAll(slots: readonly Uint8Array[], stride: number): number[] {
  // Few rows first: what is left after them need not be looked for long.
  const [first, ...others] = [...slots].sort((a, b) => a.length - b.length)
  if (first === undefined) return []
  let rows = [...rowsOf(first, stride)]
  for (const slot of others) {
    if (rows.length === 0) break
    rows = slot.length === stride ? rows.filter((row) => hasBit(slot, row)) : inBoth(rows, slot, stride)
  }
  return rows
}

function hasBit(bits: Uint8Array, row: number): boolean {
  return (bits[row >> 3]! & (1 << (row & 7))) !== 0
}

function* rowsOf(stored: Uint8Array, stride: number): Generator<number> {
  if (stored.length === stride) {
    for (let row = 0; row < stride * 8; row++) if (hasBit(stored, row)) yield row
    return
  }
  let row = -1
  for (let at = 0; at < stored.length; at++) {
    const first = stored[at]!
    row += 1 + (first < 128 ? first : ((first & 127) << 8) | stored[++at]!)
    yield row
  }
}

function inBoth(rows: readonly number[], stored: Uint8Array, stride: number): number[] {
  const both: number[] = []
  let index = 0
  for (const row of rowsOf(stored, stride)) {
    while (index < rows.length && rows[index]! < row) index++
    if (index === rows.length) break
    if (rows[index] === row) both.push(row)
  }
  return both
}
