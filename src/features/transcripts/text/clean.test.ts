import fc from 'fast-check'
import { expect, it } from 'vitest'
import { cleanLine, cleanText, expandTabs } from './clean.ts'

it('leaves tabs and line ends as the only control characters', () => {
  expect(cleanText('a\r\nb\rc\u2028d\u2029e\u0085f\vg\fh\ti')).toBe('a\nb\nc\nd\ne\nf\ng\nh\ti')
  expect(cleanText('\0a\u0007\u001b[31mb\u007f\u009f')).toBe('a[31mb')
})

it('makes broken characters whole, and letters one', () => {
  expect(cleanText('a\ud800b\udc00\ufffe\u{1ffff}')).toBe('a\ufffdb\ufffd\ufffd\u{1ffff}')
  expect(cleanText('한e\u0301')).toBe('한é')
})

it('gives, for any text, one that stays as it is', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const clean = cleanText(text)
      expect(clean.isWellFormed()).toBe(true)
      expect(clean).not.toMatch(/[\0-\x08\x0b-\x1f\x7f-\x9f]/)
      expect(cleanText(clean)).toBe(clean)
    }),
  )
})

it('puts a title on one line, of a length', () => {
  expect(cleanLine('  a\n\tb  ', 10)).toBe('a b')
  expect(cleanLine('x'.repeat(20), 10)).toBe(`${'x'.repeat(9)}…`)
  expect(cleanLine('😀'.repeat(20), 10)).toBe(`${'😀'.repeat(4)}…`)
})

it('moves to columns of four at each tab', () => {
  expect(expandTabs('\ta\tbcd\te')).toBe('    a   bcd e')
})
