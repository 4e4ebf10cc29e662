import { expect, it } from 'vitest'
import { breakOpportunities } from './line-breaks.ts'

/** With a bar wherever a line may end. */
function marked(text: string): string {
  const breaks = breakOpportunities(text)
  let out = ''
  for (let at = 0; at < text.length; at++) out += (breaks[at] === 1 ? '|' : '') + text[at]
  return out
}

it.each([
  'two |words |and  |more',
  'a |(bracket) |and |“quote”, |end.',
  'well-|known, |but |-1 |and |2026-11-21',
  'and/|or |https://example.org/|a/|b?x=|1&|y',
  'no\u00a0break |here\u2060there',
  'soft\u00ad|hyphen\u200b|space',
  'dash—|dash',
  '가|나|다 |라',
  '「引|用」，|句|号。|Latin |字|a|字',
  'カ|タ|カ|ナーっ',
  'x|😀|👍🏽|🇰🇷|🇯🇵|y',
  '👨‍👩‍👧‍👦|❤️ |a',
  'e\u0301\u0301 |x',
  '',
])('lets lines end in %s only where they may', (expected) => {
  expect(marked(expected.replaceAll('|', ''))).toBe(expected)
})

it('knows the words of languages that write no spaces between them', () => {
  expect(marked('สวัสดีชาวโลก').split('|').length).toBeGreaterThan(1)
  expect(marked('สวัสดีชาวโลก').replaceAll('|', '')).toBe('สวัสดีชาวโลก')
})
