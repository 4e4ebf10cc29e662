import fc from 'fast-check'
import { expect, test } from 'vitest'
import { sseDecoder } from './sse.ts'

type Told = [data: string, event: string]

function decode(...chunks: (string | Uint8Array)[]): Told[] {
  const told: Told[] = []
  const decoder = sseDecoder((data, event) => told.push([data, event]))
  for (const chunk of chunks) decoder.push(typeof chunk === 'string' ? Buffer.from(chunk) : chunk)
  return told
}

/** Cuts bytes at the given places. */
function cut(bytes: Buffer, places: number[]): Buffer[] {
  const at = [0, ...places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]
  return at.slice(1).map((end, index) => bytes.subarray(at[index], end))
}

test.each<[name: string, stream: string, told: Told[]]>([
  ['one event', 'data: {"a":1}\n\n', [['{"a":1}', 'message']]],
  [
    'two events in one packet',
    'data: 1\n\ndata: 2\n\n',
    [
      ['1', 'message'],
      ['2', 'message'],
    ],
  ],
  ['no space behind the colon', 'data:1\n\n', [['1', 'message']]],
  ['only one space is taken', 'data:  1\n\n', [[' 1', 'message']]],
  ['several data lines', 'data: 1\ndata: 2\ndata\n\n', [['1\n2\n', 'message']]],
  [
    'event names',
    'event: ping\ndata: {}\n\ndata: 1\n\n',
    [
      ['{}', 'ping'],
      ['1', 'message'],
    ],
  ],
  ['a name without data is no event', 'event: ping\n\ndata: 1\n\n', [['1', 'message']]],
  ['comments', ': keep-alive\n\n:x\ndata: 1\n\n', [['1', 'message']]],
  ['CRLF', 'event: a\r\ndata: 1\r\n\r\n', [['1', 'a']]],
  ['CR alone', 'event: a\rdata: 1\r\r', [['1', 'a']]],
  [
    'mixed line ends',
    'data: 1\r\n\ndata: 2\n\r\ndata: 3\r\r\n',
    [
      ['1', 'message'],
      ['2', 'message'],
      ['3', 'message'],
    ],
  ],
  ['BOM', '\ufeffdata: 1\n\n', [['1', 'message']]],
  ['id and retry are ignored', 'id: 7\nretry: 9\ndata: 1\n\n', [['1', 'message']]],
  ['an event that no blank line ended is not told', 'data: 1\n\ndata: 2\n', [['1', 'message']]],
  ['nothing', '', []],
])('%s, also byte by byte', (_name, stream, told) => {
  expect(decode(stream)).toEqual(told)
  expect(decode(...Array.from(Buffer.from(stream), (byte) => Uint8Array.of(byte)))).toEqual(told)
})

test('torn anywhere, also within characters and line ends, it says the same', () => {
  const line = fc.constantFrom(
    'data: Grüße 東京 👋🏽',
    'data:',
    ': note',
    'event: é',
    'data: {"a":"\\u00e9"}',
    'x: y',
    '',
  )
  const stream = fc
    .array(fc.tuple(line, fc.constantFrom('\n', '\r\n', '\r', '\n\n')), { maxLength: 20 })
    .map((lines) => lines.map(([text, end]) => text + end).join(''))
  fc.assert(
    fc.property(stream, fc.array(fc.nat(), { maxLength: 30 }), (text, places) => {
      const bytes = Buffer.from(text)
      expect(decode(...cut(bytes, places))).toEqual(decode(bytes))
    }),
  )
})

test('overlong line: is refused before it fills the memory', () => {
  const decoder = sseDecoder(() => {})
  const chunk = Buffer.alloc(1024 * 1024, 'x')
  expect(() => {
    for (let count = 0; count < 9; count++) decoder.push(chunk)
  }).toThrowError(expect.objectContaining({ code: 'upstream-malformed' }))
})
