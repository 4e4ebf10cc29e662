import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AnswerParser } from './answer-parser.ts'
import { HttpFault } from './fault.ts'

interface Seen {
  status?: number
  headers?: Record<string, string>
  body: string
  isOver: boolean
  isKept: boolean
  keptSeconds: number | undefined
  /** Bytes behind the answer. */
  left: number
}

/** What is read of bytes that come in these pieces, and of their end; the code of the fault where there is one. */
function read(pieces: readonly Uint8Array[], closed = false): Seen | string {
  const body: Buffer[] = []
  let head: Pick<Seen, 'status' | 'headers'> = {}
  const parser = new AnswerParser({
    onHead: (status, headers) => {
      expect(head).toEqual({})
      head = { status, headers: { ...headers } }
    },
    onBody: (bytes) => void body.push(Buffer.from(bytes)),
  })
  let left = 0
  try {
    for (const piece of pieces) left += piece.length - (parser.isOver ? 0 : parser.read(Buffer.from(piece)))
    if (closed) parser.close()
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(HttpFault)
    return (thrown as HttpFault).code
  }
  const { isOver, isKept, keptSeconds } = parser
  return { ...head, body: Buffer.concat(body).toString('latin1'), isOver, isKept, keptSeconds, left }
}

const bytes = (text: string) => Buffer.from(text, 'latin1')
const chunked = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'

const good: [string, string, Partial<Seen>][] = [
  [
    'a length',
    'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello',
    {
      status: 200,
      headers: { 'content-type': 'text/plain', 'content-length': '5' },
      body: 'hello',
      isOver: true,
      isKept: true,
    },
  ],
  ['no body', 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n', { body: '', isOver: true }],
  ['a status without a body', 'HTTP/1.1 204 No Content\r\n\r\n', { status: 204, isOver: true, isKept: true }],
  ['chunks', `${chunked}3\r\nabc\r\n0a\r\n0123456789\r\n0\r\n\r\n`, { body: 'abc0123456789', isOver: true }],
  [
    'chunks with extensions and a trailer',
    `${chunked}3;name="v"\r\nabc\r\n000 ;x\r\nServer-Timing: a\r\nb: c\r\n\r\n`,
    { body: 'abc', isOver: true, isKept: true },
  ],
  [
    'what is said in between',
    `HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 100\r\n\r\n${chunked}0\r\n\r\n`,
    { status: 200, isOver: true },
  ],
  ['no reason', 'HTTP/1.1 429\r\ncontent-length: 1\r\n\r\nx', { status: 429, body: 'x' }],
  [
    'the end of the connection',
    'HTTP/1.1 200 OK\r\n\r\nall of it',
    { body: 'all of it', isOver: false, isKept: false },
  ],
  ['a connection that closes', 'HTTP/1.1 200 OK\r\nConnection: Close\r\ncontent-length: 0\r\n\r\n', { isKept: false }],
  ['HTTP/1.0', 'HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n', { isKept: false }],
  ['HTTP/1.0 kept', 'HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\ncontent-length: 0\r\n\r\n', { isKept: true }],
  [
    'how long it is kept',
    'HTTP/1.1 200 OK\r\nKeep-Alive: max=9, timeout=7\r\ncontent-length: 0\r\n\r\n',
    { isKept: true, keptSeconds: 7 },
  ],
  [
    'a header that comes twice',
    'HTTP/1.1 200 OK\r\nvia: a\r\nVia:b \r\ncontent-length: 0\r\n\r\n',
    { headers: { via: 'a, b', 'content-length': '0' } },
  ],
  ['the same length twice', 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\nContent-Length: 1\r\n\r\nx', { body: 'x' }],
  ['more than the answer', 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nxHTTP/1.1', { isOver: true, left: 8 }],
  ['bytes above 127 in a header', 'HTTP/1.1 200 OK\r\nx: \xe9\r\ncontent-length: 0\r\n\r\n', { isOver: true }],
]

const bad: [string, string][] = [
  ['another protocol', 'SSH-2.0-OpenSSH\r\n'],
  ['HTTP/2', 'HTTP/2.0 200 OK\r\n\r\n'],
  ['a status that is none', 'HTTP/1.1 20 OK\r\n\r\n'],
  ['another protocol from now on', 'HTTP/1.1 101 Switching\r\nupgrade: x\r\n\r\n'],
  ['lines that end as on Unix, within the head', 'HTTP/1.1 200 OK\ncontent-length: 0\r\n\r\n'],
  ['a header without a colon', 'HTTP/1.1 200 OK\r\nnothing\r\n\r\n'],
  ['a header without a name', 'HTTP/1.1 200 OK\r\n: x\r\n\r\n'],
  ['a folded header', 'HTTP/1.1 200 OK\r\na: b\r\n c: d\r\n\r\n'],
  ['a blank before the colon', 'HTTP/1.1 200 OK\r\ncontent-length : 3\r\n\r\n'],
  ['two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n'],
  ['a length that is none', 'HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n'],
  ['a length in hexadecimal', 'HTTP/1.1 200 OK\r\ncontent-length: 0x1\r\n\r\n'],
  ['a length beside chunks', 'HTTP/1.1 200 OK\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n'],
  ['a transfer coding that nobody asked for', 'HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n'],
  ['chunked twice', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n'],
  ['a size that is none', `${chunked}xyz\r\n`],
  ['a negative size', `${chunked}-1\r\n`],
  ['no size', `${chunked}\r\nabc`],
  ['a size beyond all measure', `${chunked}fffffffffffff\r\n`],
  ['a chunk longer than it says', `${chunked}2\r\nabc\r\n`],
  ['a size whose line ends as on Unix', `${chunked}3\nabc\r\n`],
  ['a trailer whose line ends as on Unix', `${chunked}0\r\na: b\n\r\n`],
]

describe('an answer of HTTP/1.1', () => {
  it.each(good)('with %s is read', (_, text, expected) => {
    expect(read([bytes(text)])).toMatchObject(expected)
  })

  it.each(bad)('with %s is refused', (_, text) => {
    expect(read([bytes(text)], true)).toBe('MALFORMED')
  })

  it.each([...good, ...bad])('with %s is the same cut anywhere', (...[, text]) => {
    const all = bytes(text)
    const whole = read([all])
    for (let at = 1; at < all.length; at++) expect(read([all.subarray(0, at), all.subarray(at)])).toEqual(whole)
    expect(read([...all].map((byte) => Uint8Array.of(byte)))).toEqual(whole)
  })

  it.each(good)('with %s is cut short by the end of the connection, unless that is its end', (_, text, expected) => {
    const all = bytes(text.slice(0, text.length - (expected.left ?? 0)))
    for (let at = 0; at < all.length; at++) {
      const isEnd = expected.isOver === false && at >= text.indexOf('\r\n\r\n') + 4
      expect([at, read([all.subarray(0, at)], true)]).toEqual([at, isEnd ? expect.anything() : 'CLOSED'])
    }
  })

  it('gives what was sent, however it was framed and cut', () => {
    const payload = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 12 })
    const cuts = fc.array(fc.nat(2_000), { maxLength: 30 })
    fc.assert(
      fc.property(payload, cuts, fc.boolean(), (parts, places, inChunks) => {
        const sent = Buffer.concat(parts)
        const framed = inChunks
          ? Buffer.concat([
              bytes(chunked),
              ...parts
                .filter((part) => part.length > 0)
                .flatMap((part) => [bytes(`${part.length.toString(16)}\r\n`), part, bytes('\r\n')]),
              bytes('0\r\n\r\n'),
            ])
          : Buffer.concat([bytes(`HTTP/1.1 200 OK\r\ncontent-length: ${sent.length}\r\n\r\n`), sent])
        const ends = [...places.map((place) => place % (framed.length + 1)), framed.length].sort((a, b) => a - b)
        const pieces = ends.map((end, index) => framed.subarray(index === 0 ? 0 : ends[index - 1], end))
        expect(read(pieces, true)).toMatchObject({ body: sent.toString('latin1'), isOver: true, isKept: true, left: 0 })
      }),
      { numRuns: 500 },
    )
  })

  it('takes no rubbish for the beginning of an answer, and no head, line or trailer without an end', () => {
    const endless = (start: string, piece: string) => {
      const pieces = [bytes(start)]
      for (let size = 0; size < 80 * 1024; size += piece.length) pieces.push(bytes(piece))
      return read(pieces)
    }
    expect(read([bytes('HT')])).toMatchObject({ isOver: false })
    expect(read([bytes('HTML')])).toBe('MALFORMED')
    expect(endless('HTTP/1.1 200 OK\r\n', `a: ${'b'.repeat(1_000)}\r\n`)).toBe('MALFORMED')
    expect(endless(`${chunked}3;`, 'x'.repeat(1_000))).toBe('MALFORMED')
    expect(endless(`${chunked}0\r\n`, `a: ${'b'.repeat(1_000)}\r\n`)).toBe('MALFORMED')
  })

  it('never fails but with a fault of its own, whatever comes', () => {
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 20 }).map((some) => Buffer.from(some)),
      fc
        .constantFrom('HTTP/1.1 200 OK\r\n', chunked, '\r\n', '0\r\n\r\n', 'content-length: 4\r\n', '5\r\nabcde')
        .map(bytes),
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), fc.boolean(), (pieces, closed) => {
        read(pieces, closed)
      }),
      { numRuns: 1_000 },
    )
  })
})
