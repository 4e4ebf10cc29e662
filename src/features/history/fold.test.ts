import fc from 'fast-check'
import { expect, it } from 'vitest'
import { fold, searchable } from './fold.ts'

it.each([
  ['  Straße\tund\n\nWeg ', 'strasse und weg'],
  ['ＡＢＣ１２３', 'abc123'],
  ['ΟΔΟΣ', 'οδοσ'],
  ['ὁδός', 'ὁδόσ'],
  ['e\u0301', 'é'],
  ['ﬁn', 'fin'],
  ['ｶﾞ', 'ガ'],
  ['한국어', '한국어'],
  ['a\0b\u0001c', 'a b c'],
  ['\ud83d', '\ufffd'],
  ['100% "OR" NEAR(_)', '100% "or" near(_)'],
])('%j is compared as %j', (text, folded) => {
  expect(fold(text)).toBe(folded)
  expect(fold(folded)).toBe(folded)
})

it('makes one space of any white space, and leaves single spaces alone', () =>
  fc.assert(
    fc.property(fc.stringMatching(/^[a \t\n\u0000\u0085\u00a0\u3000]*$/), (text) => {
      expect(fold(text)).toBe(text.replace(/[\s\p{Cc}]+/gu, ' ').trim())
    }),
  ))

it('nothing is found that lies half in the question and half in the answer', () => {
  expect(searchable('one', 'two')).not.toContain(fold('onetwo'))
  expect(searchable('one ', ' two')).not.toContain(fold('one two'))
  expect(searchable('one', 'two')).not.toContain(fold('one\u0001two'))
})
