import { expect, it } from 'vitest'
import { csvLine } from './csv.ts'

it('quotes what would be taken for the file’s own, and nothing else', () => {
  expect(csvLine(['plain', 'a,b', 'say "hi"', 'two\nlines', '한국어', '', null, true, 3])).toBe(
    'plain,"a,b","say ""hi""","two\nlines",한국어,,,true,3\r\n',
  )
})

it.each(['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1', '＝1'])('%j is no formula', (text) => {
  expect(csvLine([text]).replaceAll('"', '').startsWith(`'${text[0]}`)).toBe(true)
})
