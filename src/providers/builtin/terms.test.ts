import { expect, test } from 'vitest'
import { termsOf, wordsOf } from './terms.ts'

const terms = (text: string): string[] => wordsOf(text).flatMap(termsOf)

test.each([
  ['plurals', 'policy', 'policies'],
  ['verb forms', 'heating', 'heated'],
  ['doubled letters', 'stopping', 'stops'],
  ['silent e', 'making', 'makes'],
  ['case and accents', 'CAFÉ', 'cafe'],
  ['sharp s', 'Straße', 'STRASSE'],
  ['full width', 'ＡＢＣ１', 'abc1'],
  ['Arabic article and vowels', 'الكِتاب', 'كتاب'],
])('%s: %s and %s are one', (_, one, other) => {
  expect(terms(one)).toEqual(terms(other))
  expect(terms(one)).toHaveLength(1)
})

test.each(['What is the', 'hello', 'こんにちは', '你好吗', '안녕하세요', 'नमस्ते', 'مرحبا', '?! …', ''])(
  '%j says nothing',
  (text) => {
    expect(terms(text)).toEqual([])
  },
)

test.each([
  ['Korean particles', '서울은', '서울에서'],
  ['Chinese word borders', '北京大学', '大学'],
  ['Japanese', '東京の人口', '人口は？'],
  ['Hindi', 'राजधानी क्या है', 'भारत की राजधानी'],
])('%s: %s meets %s', (_, one, other) => {
  expect(terms(one).some((term) => terms(other).includes(term))).toBe(true)
})

test('Hindi vowel signs tell words apart', () => {
  expect(terms('दिन')).not.toEqual(terms('दान'))
})

// In more than linear time it would not end before the test is given up.
test('an endless word does not stall the stemmer', () => {
  for (const length of [500, 20_000, 500_000]) expect(terms(`${'a'.repeat(length)}zing`)).not.toEqual([])
})
