import fc from 'fast-check'
import { expect, test } from 'vitest'
import { uuidv7 } from '#lib/uuid.ts'
import { checkSlug, isSlug, slugOf, withSuffix } from './slug.ts'

test.for([
  ['Support Bot', 'support-bot'],
  ['  Ünïcode — Straße & Co.  ', 'unicode-strasse-co'],
  ['Łódź Æther Ørsted', 'lodz-aether-orsted'],
  ['ＦＵＬＬ width ½', 'full-width-1-2'],
  ['a---b__c', 'a-b-c'],
  ['x'.repeat(300), 'x'.repeat(55)],
])('%j is told as %j', ([name, slug]) => expect(slugOf(name!)).toBe(slug))

test.for(['한국어 봇', '支持', 'नमस्ते', '😀', '---', ''])('nothing Latin is left of %j', (name) => {
  expect(slugOf(name)).toBeUndefined()
})

test('whatever the name, the slug made from it is valid, also with a suffix', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (name) => {
      const slug = slugOf(name)
      if (slug !== undefined) expect(isSlug(slug)).toBe(true)
      expect(isSlug(withSuffix(slug))).toBe(true)
    }),
    { numRuns: 2000 },
  )
})

test('names of words keep their words', () => {
  const word = fc.stringMatching(/^[a-z0-9]{1,8}$/)
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 5 }), (words) => {
      expect(slugOf(words.join(' '))).toBe(words.join('-'))
    }),
  )
})

test.for(['', '-a', 'a-', 'a--b', 'A', 'a_b', 'a b', 'a/b', '..', 'é', 'x'.repeat(65), uuidv7(), 'a\0'])(
  'refuses %j as a slug',
  (slug) => expect(() => checkSlug(slug)).toThrow(expect.objectContaining({ details: { field: 'slug' } })),
)
