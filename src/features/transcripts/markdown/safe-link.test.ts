import { expect, it } from 'vitest'
import { safeLink } from './safe-link.ts'

it.each([
  ['https://example.org/a?b=c#d', 'https://example.org/a?b=c#d'],
  ['HTTP://Example.ORG', 'http://example.org/'],
  ['mailto:a@example.org', 'mailto:a@example.org'],
  ['https://예시.kr/가', 'https://xn--vv4b11d.kr/%EA%B0%80'],
  ['https://e.org/\n)x', 'https://e.org/)x'],
])('lets %s through, as %s', (target, link) => {
  expect(safeLink(target)).toBe(link)
  expect(link).toMatch(/^[\x21-\x7e]+$/)
})

it.each([
  'javascript:alert(1)',
  ' javascript:alert(1)',
  'java\nscript:alert(1)',
  'vbscript:x',
  'data:text/html,x',
  'file:///etc/passwd',
  'ftp://e.org/',
  'blob:https://e.org/x',
  '/relative',
  '//e.org/x',
  'e.org',
  '#a',
  '',
  `https://e.org/${'x'.repeat(2000)}`,
])('stops %s', (target) => {
  expect(safeLink(target)).toBeUndefined()
})
