import fc from 'fast-check'
import { expect, it } from 'vitest'
import { isShortId, rangeOfShortId, shortId } from './short-id.ts'
import { isUuid, uuidv7 } from './uuid.ts'

const hex = (length: number) =>
  fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: length, maxLength: length })
const uuids = fc.tuple(hex(12), hex(3), fc.constantFrom(...'89ab'), hex(15)).map(([ms, count, variant, random]) => {
  const text = `${ms}7${count}${variant}${random}`
  return [text.slice(0, 8), text.slice(8, 12), text.slice(12, 16), text.slice(16, 20), text.slice(20)].join('-')
})

it('is 24 hexadecimal digits, and leads back to the UUID it was made of', () => {
  fc.assert(
    fc.property(uuids, (uuid) => {
      const id = shortId(uuid)
      expect(isShortId(id)).toBe(true)
      const { least, greatest } = rangeOfShortId(id)
      expect(isUuid(least) && isUuid(greatest)).toBe(true)
      expect(least <= uuid && uuid <= greatest).toBe(true)
      expect(rangeOfShortId(id.toUpperCase())).toEqual({ least, greatest })
      expect([shortId(least), shortId(greatest)]).toEqual([id, id])
    }),
  )
})

it('sorts as the UUIDs do, and tells those of one process apart', () => {
  const made = Array.from({ length: 10_000 }, () => uuidv7(1_700_000_000_000))
  const ids = made.map(shortId)
  expect(new Set(ids).size).toBe(made.length)
  expect([...ids].sort()).toEqual(ids)
})

it('leaves no other UUID of that millisecond and count in the range', () => {
  fc.assert(
    fc.property(uuids, uuids, (one, other) => {
      const { least, greatest } = rangeOfShortId(shortId(one))
      fc.pre(shortId(one) !== shortId(other))
      expect(least <= other && other <= greatest).toBe(false)
    }),
  )
})
