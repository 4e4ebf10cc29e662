import fc from 'fast-check'
import { expect, it } from 'vitest'
import { asciiString, number, textString } from './values.ts'

it('writes numbers with two decimals at most, and never an exponent', () => {
  expect([0, 1, -1, 1.5, 0.05, -0.006, 12.345, 1e-9, -1e-9].map(number)).toEqual([
    '0',
    '1',
    '-1',
    '1.5',
    '0.05',
    '-0.01',
    '12.35',
    '0',
    '0',
  ])
  expect([Number.NaN, Number.POSITIVE_INFINITY, 1e300].map(number)).toEqual(['0', '0', '0'])
  fc.assert(
    fc.property(fc.double({ min: -1e6, max: 1e6, noNaN: true }), (value) => {
      expect(number(value)).toMatch(/^-?\d+(\.\d\d?)?$/)
      expect(Number(number(value))).toBeCloseTo(value, 1)
    }),
  )
})

it('writes text as nothing but hexadecimal digits', () => {
  expect(textString('a)한😀')).toBe('<feff00610029d55cd83dde00>')
  expect(asciiString('a)>')).toBe('<61293e>')
})
