import fc from 'fast-check'
import { expect, test } from 'vitest'
import { estimateTokens } from './tokens.ts'

test.each([
  ['', 0],
  [' ', 1],
  ['hello', 1],
  ['Hello, world!', 4],
  ['international', 3],
  ['2026', 2],
  ['法国的首都是巴黎', 8],
  ['서울은', 3],
  ['🙂', 2],
  ['a\nb', 3],
])('%j is %i', (text, tokens) => {
  expect(estimateTokens(text)).toBe(tokens)
})

test('English prose is about four characters a token', () => {
  const prose =
    'An experimental study of a wing in a propeller slipstream was made in order to determine the spanwise ' +
    'distribution of the lift increase due to slipstream at different angles of attack of the wing.'
  const perToken = prose.length / estimateTokens(prose)
  expect(perToken).toBeGreaterThan(3.3)
  expect(perToken).toBeLessThan(5)
})

test('never falls when text is appended, and nothing is free', () => {
  const text = fc.string({ unit: 'binary' })
  fc.assert(
    fc.property(text, text, (one, other) => {
      expect(estimateTokens(one + other)).toBeGreaterThanOrEqual(estimateTokens(one))
      expect(estimateTokens(one) === 0).toBe(one === '')
    }),
  )
})

// In more than linear time it would not end before the test is given up.
test('is linear: two million characters are no trouble', () => {
  for (const piece of ['a', '法', '.', 'a1']) expect(estimateTokens(piece.repeat(2_000_000))).toBeGreaterThan(1000)
  expect(estimateTokens(' '.repeat(2_000_000))).toBeGreaterThanOrEqual(0)
})
