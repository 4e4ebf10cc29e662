import fc from 'fast-check'
import { expect, test } from 'vitest'
import { safeEnd, splitSentences } from './sentences.ts'

const split = (text: string, options?: Parameters<typeof splitSentences>[1]): string[] =>
  [...splitSentences(text, options)].map(({ start, end }) => text.slice(start, end))

test.each([
  ['English', 'It rains. Take a coat!', ['It rains.', 'Take a coat!']],
  ['Chinese', '今天下雨。请带伞！', ['今天下雨。', '请带伞！']],
  ['Japanese', '東京は日本の首都です。人口は多いです。', ['東京は日本の首都です。', '人口は多いです。']],
  ['Korean', '서울은 한국의 수도입니다. 인구가 많습니다.', ['서울은 한국의 수도입니다.', '인구가 많습니다.']],
  ['Hindi', 'दिल्ली भारत की राजधानी है। यह बड़ा शहर है।', ['दिल्ली भारत की राजधानी है।', 'यह बड़ा शहर है।']],
  ['Arabic', 'هل تمطر؟ نعم تمطر اليوم.', ['هل تمطر؟', 'نعم تمطر اليوم.']],
])('splits %s', (_, text, sentences) => {
  expect(split(text)).toEqual(sentences)
})

test('does not end a sentence at an abbreviation or a list number', () => {
  expect(split('I met Dr. Smith in Oslo. He left.')).toEqual(['I met Dr. Smith in Oslo.', 'He left.'])
  expect(split('1. Open the lid.')).toEqual(['1. Open the lid.'])
})

test('joins wrapped lines, keeps headings and lists apart', () => {
  const text = '# Refunds\nGoods may be returned to the shop within\nfourteen days. Keep the bill.\n- one\n- two'
  expect(split(text)).toEqual([
    '# Refunds',
    'Goods may be returned to the shop within\nfourteen days.',
    'Keep the bill.',
    '- one',
    '- two',
  ])
})

test('with `lines` every line stands alone', () => {
  const row = `${'x'.repeat(50)},1`
  expect(split(`${row}\nlower case,2\n`, { lines: true })).toEqual([row, 'lower case,2'])
})

test('spans are in order, apart, trimmed, bounded, and lose nothing but space', () => {
  const unit = fc.constantFrom(
    'a',
    'Bc',
    ' ',
    '. ',
    '\n',
    '\r\n',
    '。',
    '🙂',
    '?',
    'é',
    'Dr. ',
    '\u2028',
    'word '.repeat(20),
  )
  const text = fc.array(unit, { maxLength: 120 }).map((pieces) => pieces.join(''))
  fc.assert(
    fc.property(text, fc.integer({ min: 16, max: 200 }), fc.boolean(), (whole, maxLength, lines) => {
      let last = 0
      for (const { start, end } of splitSentences(whole, { maxLength, lines })) {
        expect(start).toBeGreaterThanOrEqual(last)
        expect(end).toBeGreaterThan(start)
        expect(end - start).toBeLessThanOrEqual(maxLength)
        expect(whole.slice(last, start).trim()).toBe('')
        expect(whole.slice(start, end).isWellFormed()).toBe(true)
        expect(whole.slice(start, end).trim()).toBe(whole.slice(start, end))
        last = end
      }
      expect(whole.slice(last).trim()).toBe('')
    }),
  )
})

test('safeEnd does not tear a surrogate pair', () => {
  expect(safeEnd('a🙂', 2)).toBe(1)
  expect(safeEnd('a🙂', 3)).toBe(3)
  expect(safeEnd('', 0)).toBe(0)
})

// In more than linear time it would not end before the test is given up.
test.each(['a', ' ', '.', '\n', 'A. ', 'Dr. ', '法', 'ก', '? ', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n'])(
  'two million characters of %j are split in linear time',
  (piece) => {
    let end = 0
    for (const span of splitSentences(piece.repeat(2_000_000 / piece.length))) end = span.end
    expect(end > 1_999_000).toBe(piece.trim() !== '')
  },
)
