import { expect, test } from 'vitest'
import { isStorable, plainText } from './text.ts'

test.for(['plain', 'café 한국어 😀', '\u0001'])('%j can be stored', (text) => expect(isStorable(text)).toBe(true))
test.for(['a\0b', '\ud800', 'x\udc00y'])('%j cannot', (text) => expect(isStorable(text)).toBe(false))

test('plain text is trimmed and bounded, and the error names the field', () => {
  expect(plainText('name', '  Ada  ', 10)).toBe('Ada')
  for (const bad of ['', '   ', 'x'.repeat(11), 'a\0', '\ud800'])
    expect(() => plainText('name', bad, 10)).toThrow(expect.objectContaining({ details: { field: 'name' } }))
  expect(plainText('description', '', 10, 0)).toBe('')
})
