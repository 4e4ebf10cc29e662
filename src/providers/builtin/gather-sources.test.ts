import { expect, test } from 'vitest'
import type { Message, Part } from '#contracts/index.ts'
import { type Gathered, gatherSources } from './gather-sources.ts'
import { nothingToQuote } from './own-words.ts'
import { readQuestion } from './read-question.ts'

const say = (role: Message['role'], ...parts: (string | Part)[]): Message => ({
  role,
  parts: parts.map((part) => (typeof part === 'string' ? { type: 'text', text: part } : part)),
})
const file = (name: string, mediaType: string, content: string | Buffer): Part => ({
  type: 'file',
  name,
  mediaType,
  data: Buffer.from(content).toString('base64'),
})
const gather = (messages: Message[], limit?: number): Gathered => gatherSources(messages, readQuestion(messages), limit)
const long =
  'The boiler of the house is serviced every spring by the same company from Bergen, and the bill goes to the owner.'

test.each([
  ['text/plain', 'a.txt', 'Hello there'],
  ['text/csv; charset=utf-8', 'a.csv', 'a,b\n1,2'],
  ['application/json', 'a.json', '{"a":1}'],
  ['application/ld+json', 'a', '{"a":1}'],
  ['text/markdown', 'a.md', '# A'],
  ['application/octet-stream', 'notes.md', 'नमस्ते'],
])('reads %s', (mediaType, name, content) => {
  const { sources, unread } = gather([say('user', 'What?', file(name, mediaType, content))])
  expect(sources.map(({ title, text }) => [title, text])).toEqual([[name, content]])
  expect(unread).toEqual([])
})

test('HTML is stripped, UTF-16 is decoded', () => {
  const html = file('a.html', 'text/html', '<p>Shop <b>hours</b></p><script>x()</script>')
  const wide = file('b.txt', 'text/plain', Buffer.from('\ufeffÅpen', 'utf16le'))
  expect(gather([say('user', 'What?', html, wide)]).sources.map(({ text }) => text)).toEqual(['Shop hours', 'Åpen'])
})

test('what cannot be read is named, not guessed at', () => {
  const messages = [
    say('user', 'What?', file('scan.pdf', 'application/pdf', '%PDF'), file('odd.txt', 'text/plain', 'a\0b'), {
      type: 'file',
      name: 'far.txt',
      mediaType: 'text/plain',
      url: 'https://example.com/far.txt',
    }),
  ]
  expect(gather(messages)).toEqual({ sources: [], unread: ['scan.pdf', 'odd.txt', 'far.txt'], cut: false })
})

test('extracted text wins over data', () => {
  const part: Part = { type: 'file', name: 'a.pdf', mediaType: 'application/pdf', text: 'Extracted', data: 'AAAA' }
  expect(gather([say('user', 'What?', part)]).sources[0]?.text).toBe('Extracted')
})

test('newest files first, then the pasted text, the conversation backwards, never the instructions', () => {
  const { sources } = gather([
    say('system', long.repeat(2)),
    say('user', `${long} One.`, file('old.txt', 'text/plain', 'old')),
    say('assistant', `${long} Two.`),
    say('user', `What now?\n\n${long} Three.`, file('new.txt', 'text/plain', 'new')),
  ])
  expect(sources.map(({ origin, text }) => `${origin} ${text.slice(-6)}`)).toEqual([
    'file new',
    'file old',
    'question Three.',
    'conversation . Two.',
    'conversation . One.',
  ])
})

test('short instructions, small talk and own answers are no sources', () => {
  const { sources } = gather([
    say('system', 'You are a helpful assistant. Never mention the code word.'),
    say('user', 'Hi!'),
    say('assistant', nothingToQuote(0)),
    say('user', 'What?'),
  ])
  expect(sources).toEqual([])
})

test('the same text is taken once', () => {
  const same = file('a.txt', 'text/plain', long)
  expect(gather([say('user', 'One?', same), say('user', 'Two?', same)]).sources).toHaveLength(1)
})

test('the bound holds over all sources, and cutting is told', () => {
  const messages = [
    say('user', 'What?', ...['a', 'b', 'c'].map((name) => file(name, 'text/plain', `${name}🙂`.repeat(40)))),
  ]
  const { sources, cut } = gather(messages, 200)
  expect(cut).toBe(true)
  expect(sources.reduce((sum, { text }) => sum + text.length, 0)).toBeLessThanOrEqual(200)
  expect(sources.every(({ text }) => text.isWellFormed())).toBe(true)
  expect(gather(messages).cut).toBe(false)
})
