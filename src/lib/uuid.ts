import { randomFillSync } from 'node:crypto'

/** Random bytes, and the same as hexadecimal digits: an id takes 62 of 64 bits. */
const pool = Buffer.alloc(8 * 256)
const digits = Buffer.alloc(pool.length * 2)
let used = pool.length
let lastMs = -1
let counter = 0

/** The id in its making: put together as one, it is a flat string, which is cheaper to compare and to send than a sum of pieces. */
const text = Buffer.alloc(36)

const hex = Buffer.from('0123456789abcdef')
const variants = Buffer.from('89ab')
const dash = 0x2d

/**
 * A UUIDv7 (RFC 9562): 48 bits of unix ms, a 12-bit counter that keeps ids made in one ms in order, 62 random bits.
 * Ids of one process sort in the order they were made, so they append to a database index instead of scattering in it.
 */
export function uuidv7(now: number = Date.now()): string {
  if (now > lastMs) begin(now)
  else if (++counter > 0xfff) begin(lastMs + 1)
  if (used === pool.length) {
    randomFillSync(pool)
    digits.write(pool.toString('hex'), 'latin1')
    used = 0
  }
  text[15] = hex[counter >>> 8]!
  text[16] = hex[(counter >>> 4) & 15]!
  text[17] = hex[counter & 15]!
  text[18] = dash
  text[19] = variants[pool[used]! >>> 6]!
  const from = used * 2
  for (let at = 1; at < 4; at++) text[19 + at] = digits[from + at]!
  text[23] = dash
  for (let at = 4; at < 16; at++) text[20 + at] = digits[from + at]!
  used += 8
  return text.toString('latin1')
}

/** Writes the part that all ids of one ms begin with. */
function begin(ms: number): void {
  lastMs = ms
  counter = 0
  let high = Math.floor(ms / 0x10000)
  for (let at = 7; at >= 0; at--, high >>>= 4) text[at] = hex[high & 15]!
  text[8] = dash
  for (let at = 9; at < 13; at++) text[at] = hex[(ms >>> (4 * (12 - at))) & 15]!
  text[13] = dash
  text[14] = hex[7]!
}

const shape = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

export function isUuid(text: string): boolean {
  return shape.test(text)
}
