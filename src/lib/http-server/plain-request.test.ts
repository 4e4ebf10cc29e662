import { once } from 'node:events'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { exchange, type Handler, last, listen, open, plainRequest, whose } from './listening-for-test.ts'

/** What came back, as far as it has to be the same: headers in any order and case, no date. */
function meaningOf(text: string): string[] {
  return text.split(/(?=HTTP\/1\.1 \d)/).map((answer) => {
    const [head = '', ...body] = answer.split('\r\n\r\n')
    const [status, ...headers] = head.split('\r\n')
    const kept = headers.map((line) => line.replace(/^[^:]+/, (name) => name.toLowerCase()))
    return [status, ...kept.filter((line) => !line.startsWith('date:')).sort(), '', body.join('\r\n\r\n')].join('\n')
  })
}

/** Tells what it was asked; `/last` ends the connection. */
const echo: Handler = (request, response) => {
  const parts: Buffer[] = []
  request.on('data', (bytes: Buffer) => parts.push(bytes))
  request.on('end', () => {
    const { method, url, headers, httpVersion } = request
    const body = Buffer.concat(parts).toString('latin1')
    const text = JSON.stringify({ method, url, headers: Object.entries(headers).sort(), httpVersion, body })
    const closing = url === '/last' ? { connection: 'close' } : {}
    response.writeHead(200, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(text),
      ...closing,
    })
    response.end(text)
  })
  request.on('error', () => undefined)
  request.resume()
}

const host = 'Host: parley.example\r\n'

const plain: Record<string, string> = {
  'nothing but a host': `GET / HTTP/1.1\r\n${host}\r\n`,
  'a query and odd paths': `GET /a%20b/..//c?d=%ff&e=[1]#f HTTP/1.1\r\n${host}\r\n`,
  'a body': plainRequest,
  'a body of any bytes': `PUT /b HTTP/1.1\r\n${host}content-length: 5\r\n\r\n\u0000\r\n\r\u00ff`,
  'a body of nothing': `POST /b HTTP/1.1\r\n${host}Content-Length: 0\r\n\r\n`,
  'a body where none is usual': `GET /b HTTP/1.1\r\n${host}Content-Length: 3\r\n\r\nabc`,
  'the longest body': `POST /b HTTP/1.1\r\n${host}Content-Length: 65536\r\n\r\n${'x'.repeat(65_536)}`,
  'headers in any case, with and without spaces': `GET /h HTTP/1.1\r\nhOsT:a\r\nX-One:\t 1 \t\r\nX-TWO:\r\nx-3: a:b: c\r\n\r\n`,
  'lengths with blanks and zeros': `POST /b HTTP/1.1\r\n${host}Content-Length:\t 00003 \r\n\r\nabc`,
  'a connection that stays': `GET /h HTTP/1.1\r\n${host}Connection: Keep-Alive\r\nKeep-Alive: 5\r\n\r\n`,
  'every method': ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']
    .map((method) => `${method} /m HTTP/1.1\r\n${host}\r\n`)
    .join(''),
  'one behind the other': `POST /1 HTTP/1.1\r\n${host}Content-Length: 2\r\n\r\nhiGET /2 HTTP/1.1\r\n${host}\r\n`,
}

const notPlain: Record<string, string> = {
  'a head only': `HEAD /h HTTP/1.1\r\n${host}\r\n`,
  chunks: `POST /c HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`,
  'chunks and a length': `POST /c HTTP/1.1\r\n${host}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`,
  'two lengths': `POST /c HTTP/1.1\r\n${host}Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd`,
  'one length twice': `POST /c HTTP/1.1\r\n${host}Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc`,
  'a length with a sign': `POST /c HTTP/1.1\r\n${host}Content-Length: +3\r\n\r\nabc`,
  'a length in hex': `POST /c HTTP/1.1\r\n${host}Content-Length: 0x3\r\n\r\nabc`,
  'a list of lengths': `POST /c HTTP/1.1\r\n${host}Content-Length: 3, 3\r\n\r\nabc`,
  'no length but a type': `POST /c HTTP/1.1\r\n${host}Content-Type: text/plain\r\n\r\n`,
  'a longer body': `POST /b HTTP/1.1\r\n${host}Content-Length: 65537\r\n\r\n${'x'.repeat(65_537)}`,
  'a header twice': `GET /h HTTP/1.1\r\n${host}X-A: 1\r\nx-a: 2\r\nCookie: a=1\r\nCookie: b=2\r\n\r\n`,
  'a cookie to set': `GET /h HTTP/1.1\r\n${host}Set-Cookie: a=1\r\n\r\n`,
  'its own end, as said to proxies': `GET /h HTTP/1.1\r\n${host}Proxy-Connection: close\r\n\r\n`,
  'two hosts': `GET /h HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n`,
  'no host': 'GET /h HTTP/1.1\r\n\r\n',
  'names that objects have': `GET /h HTTP/1.1\r\n${host}constructor: 1\r\ntoString: 2\r\n\r\n`,
  'bytes over 127': `GET /h HTTP/1.1\r\n${host}X-Name: J\u00f6rg\r\n\r\n`,
  'HTTP/1.0': 'GET /h HTTP/1.0\r\nConnection: keep-alive\r\n\r\n',
  'another version': `GET /h HTTP/1.2\r\n${host}\r\n`,
  'another URL': `GET http://other.example/x HTTP/1.1\r\n${host}\r\n`,
  'no URL': `OPTIONS * HTTP/1.1\r\n${host}\r\n`,
  'a URL with a space': `GET /a b HTTP/1.1\r\n${host}\r\n`,
  'a method in small letters': `get /h HTTP/1.1\r\n${host}\r\n`,
  'a method nobody knows': `BREW /h HTTP/1.1\r\n${host}\r\n`,
  'a folded header': `GET /h HTTP/1.1\r\n${host}X-A: 1\r\n 2\r\n\r\n`,
  'a space before the colon': `GET /h HTTP/1.1\r\n${host}X-A : 1\r\n\r\n`,
  'a header without a colon': `GET /h HTTP/1.1\r\n${host}X-A\r\n\r\n`,
  'a header without a name': `GET /h HTTP/1.1\r\n${host}: 1\r\n\r\n`,
  'bare line feeds': 'GET /h HTTP/1.1\nHost: a\n\n',
  'a bare line feed': `GET /h HTTP/1.1\r\n${host}X-A: 1\nX-B: 2\r\n\r\n`,
  'a bare carriage return': `GET /h HTTP/1.1\r\n${host}X-A: 1\rX-B: 2\r\n\r\n`,
  'a zero byte': `GET /h HTTP/1.1\r\n${host}X-A: 1\u00002\r\n\r\n`,
  'lines before the request': `\r\n\r\nGET /h HTTP/1.1\r\n${host}\r\n`,
  'an expectation': `POST /e HTTP/1.1\r\n${host}Expect: 100-continue\r\nContent-Length: 2\r\n\r\nok`,
  'another expectation': `POST /e HTTP/1.1\r\n${host}Expect: more\r\nContent-Length: 2\r\n\r\nok`,
  'its own end': `GET /h HTTP/1.1\r\n${host}Connection: close\r\n\r\n`,
  'a long head': `GET /h HTTP/1.1\r\n${host}X-A: ${'x'.repeat(9_000)}\r\n\r\n`,
  'a head too long': `GET /h HTTP/1.1\r\n${host}X-A: ${'x'.repeat(40_000)}\r\n\r\n`,
  'something else altogether': '\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003',
}

describe('plain requests', () => {
  it.each(Object.entries(plain))('with %s are answered as Node answers them, but past it', async (_, text) => {
    const bytes = Buffer.from(text + last, 'latin1')
    const node = await exchange(await listen(echo, { kind: 'node' }), [bytes])
    expect(meaningOf(await exchange(await listen(echo), [bytes]))).toEqual(meaningOf(node))
    expect(await exchange(await listen(whose), [bytes])).not.toContain('node;')
  })

  it.each(Object.entries(notPlain))('with %s first are answered by Node', async (_, text) => {
    const bytes = Buffer.from(text + last, 'latin1')
    const node = await exchange(await listen(echo, { kind: 'node' }), [bytes])
    expect(meaningOf(await exchange(await listen(echo), [bytes]))).toEqual(meaningOf(node))
  })

  it('are the same with any other before and behind them, cut anywhere', async () => {
    const [ours, nodes] = [await listen(echo), await listen(echo, { kind: 'node' })]
    const short = (texts: Record<string, string>) => Object.values(texts).filter((text) => text.length < 2_000)
    const answers = new Map<string, string[]>()
    for (const text of [...short(plain), ...short(notPlain)])
      answers.set(text, meaningOf(await exchange(nodes, [Buffer.from(text + last, 'latin1')])))
    const isLast = (answer: string) => answer.includes('connection: close')
    const requests = fc.tuple(
      fc.array(fc.constantFrom(...short(plain)), { maxLength: 4 }),
      // What comes behind an end in the same packet is refused, in the next one it is not read: a cut decides.
      fc.option(fc.constantFrom(...short(notPlain).filter((text) => !/connection: close/i.test(text))), { nil: '' }),
    )
    const cuts = fc.array(fc.nat(400), { maxLength: 6 })
    await fc.assert(
      fc.asyncProperty(requests, cuts, async ([before, behind], at) => {
        const bytes = Buffer.from(before.join('') + behind + last, 'latin1')
        const places = [0, ...at.filter((place) => place < bytes.length).sort((a, b) => a - b), bytes.length]
        const pieces = places.slice(1).map((end, index) => bytes.subarray(places[index], end))
        const end = behind === '' ? answers.get(before[0] ?? short(plain)[0]!)!.slice(-1) : answers.get(behind)!
        const expected = [...before.flatMap((text) => answers.get(text)!.filter((answer) => !isLast(answer))), ...end]
        expect(meaningOf(await exchange(ours, pieces))).toEqual(expected)
      }),
      { numRuns: 200 },
    )
  })

  it('are plain as long as they are read to their end in a few pieces', async () => {
    const text = plainRequest
    const listening = await listen(whose)
    const pieces = (size: number) =>
      Buffer.from(text + last)
        .toString('latin1')
        .match(new RegExp(`[\\s\\S]{1,${size}}`, 'g'))!
    expect(
      await exchange(
        listening,
        pieces(40).map((piece) => Buffer.from(piece, 'latin1')),
      ),
    ).toContain('plain;')
    expect(
      await exchange(
        listening,
        pieces(3).map((piece) => Buffer.from(piece, 'latin1')),
      ),
    ).toMatch(/node;.*node;/s)
  })
})

describe('what will never be a plain request', () => {
  it.each([
    ['TLS', '\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003'],
    ['lines without carriage returns', 'GET /h HTTP/1.1\nHost: a\n\n'],
    ['an end of another kind', 'GET /h HTTP/1.1\r\nHost: a\r\n\n'],
    ['another method', 'BREW /h HTTP/1.1\r\n'],
  ])('is answered by Node at once: %s', async (_, text) => {
    const node = await exchange(await listen(echo, { kind: 'node' }), [Buffer.from(text, 'latin1')])
    expect(node).toMatch(/^HTTP\/1\.1 400 /)
    const listening = await listen(echo, { roundMs: 600_000 })
    expect(await exchange(listening, [Buffer.from(text, 'latin1')])).toBe(node)
  })

  it.each([
    ['a head', 'GET /h HTTP/1.1\r\nHost: a\r\n'],
    ['a body', 'POST /h HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc'],
  ])('is %s whose client has said all', async (_, text) => {
    const answers = await Promise.all(
      (['ours', 'node'] as const).map(async (kind) => {
        const line = await open(await listen(echo, { kind }))
        line.socket.end(`${plainRequest}${text}`)
        await once(line.socket, 'close')
        return meaningOf(line.text)
      }),
    )
    expect(answers[0]!.at(-1)).toMatch(/^HTTP\/1\.1 400 /)
    expect(answers[0]!.at(-1)).toBe(answers[1]!.at(-1))
  })
})
