import fc from 'fast-check'
import { expect, it } from 'vitest'
import { encodeRows, markText, rowsInAll, slotCount, slotsFor } from './postings.ts'

const stride = 32
const rowSets = fc.uniqueArray(fc.nat(stride * 8 - 1)).map((rows) => rows.sort((a, b) => a - b))

function bitsOf(rows: readonly number[]): Uint8Array {
  const bits = new Uint8Array(stride)
  for (const row of rows) bits[row >> 3]! |= 1 << (row & 7)
  return bits
}

it('the rows of a slot are stored in no more bytes than they have bits for, and come back as they were', () => {
  fc.assert(
    fc.property(rowSets, (rows) => {
      const stored = encodeRows(bitsOf(rows))
      expect(stored === undefined).toBe(rows.length === 0)
      if (stored === undefined) return
      expect(stored.length).toBeLessThanOrEqual(stride)
      expect(rowsInAll([stored], stride)).toEqual(rows)
    }),
  )
  const far = new Uint8Array(512)
  far[511] = 128
  expect(rowsInAll([encodeRows(far)!], 512)).toEqual([4095])
})

it('rows in all slots are those in each of them', () => {
  fc.assert(
    fc.property(fc.array(rowSets, { minLength: 1, maxLength: 4 }), (sets) => {
      const [first, ...others] = sets
      const inAll = first!.filter((row) => others.every((rows) => rows.includes(row)))
      const stored = sets.map(bitsOf).flatMap((bits) => encodeRows(bits) ?? [])
      if (stored.length === sets.length) expect(rowsInAll(stored, stride)).toEqual(inAll)
    }),
  )
})

it('a text is in every slot of each text that it contains', () => {
  const text = fc.string({ unit: fc.oneof(fc.constantFrom(...'abc '), fc.constantFrom('한', '국', '漢', '🙂', 'é')) })
  const table = new Uint8Array(slotCount)
  fc.assert(
    fc.property(text, text, text, (before, middle, after) => {
      fc.pre(middle !== '')
      table.fill(0)
      markText(table, 1, 3, before + middle + after)
      for (const slot of slotsFor(middle)) expect(table[slot]).toBe(8)
    }),
  )
})
