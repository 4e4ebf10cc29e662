import { expect, it } from 'vitest'
import { attachment } from './content-disposition.ts'

it('names a file in ASCII and, for any script, after RFC 5987', () => {
  expect(attachment('a b.pdf')).toBe(`attachment; filename="a b.pdf"; filename*=UTF-8''a%20b.pdf`)
  expect(attachment('대화 (1).pdf')).toBe(
    `attachment; filename="__ (1).pdf"; filename*=UTF-8''%EB%8C%80%ED%99%94%20%281%29.pdf`,
  )
})

it('lets no name end the header or its value', () => {
  expect(attachment('a"; b\\c\r\nX: y%0a')).toBe(
    `attachment; filename="a_; b_c__X: y_0a"; filename*=UTF-8''a%22%3B%20b%5Cc%0D%0AX%3A%20y%250a`,
  )
})
