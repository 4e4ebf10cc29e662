import { randomFillSync } from 'node:crypto'

const pool = Buffer.alloc(8 * 256)
let used = pool.length
let lastMs = 0
let counter = 0

const hex = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

/**
 * A UUIDv7 (RFC 9562): 48 bits of unix ms, a 12-bit counter that keeps ids made in one ms in order, 62 random bits.
 * Ids of one process sort in the order they were made, so they append to a database index instead of scattering in it.
 */
export function uuidv7(now: number = Date.now()): string {
  if (now > lastMs) {
    lastMs = now
    counter = 0
  } else if (++counter > 0xfff) {
    lastMs++
    counter = 0
  }
  if (used === pool.length) {
    randomFillSync(pool)
    used = 0
  }
  const high = Math.floor(lastMs / 0x10000)
  const low = lastMs & 0xffff
  const at = used
  used += 8
  const r = (i: number) => pool[at + i]!
  return `${hex[(high >>> 24) & 0xff]}${hex[(high >>> 16) & 0xff]}${hex[(high >>> 8) & 0xff]}${hex[high & 0xff]}-${hex[low >>> 8]}${hex[low & 0xff]}-${hex[0x70 | (counter >>> 8)]}${hex[counter & 0xff]}-${hex[0x80 | (r(0) & 0x3f)]}${hex[r(1)]}-${hex[r(2)]}${hex[r(3)]}${hex[r(4)]}${hex[r(5)]}${hex[r(6)]}${hex[r(7)]}`
}

const shape = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

export function isUuid(text: string): boolean {
  return shape.test(text)
}
