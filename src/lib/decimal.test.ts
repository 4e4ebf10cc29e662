import fc from 'fast-check'
import { expect, it } from 'vitest'
import { decimalOf } from './decimal.ts'

it('reads what digits say', () => {
  fc.assert(
    fc.property(fc.nat(999_999_999_999_999), fc.nat(3), (value, zeros) => {
      const text = '0'.repeat(zeros) + value
      expect(decimalOf(text, 15)).toBe(text.length <= 15 ? value : undefined)
    }),
  )
})

it('reads nothing else', () => {
  for (const text of ['', '-1', '+1', '1.0', '1e3', '0x1', ' 1', '1 ', '１', '1,1', '123456'])
    expect(decimalOf(text, 5), text).toBeUndefined()
})
