import { once } from 'node:events'
import {
  Agent,
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { Readable } from 'node:stream'
import { finished } from 'node:stream/promises'
import fc from 'fast-check'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { until } from '#test/support/until.ts'
import { answerPlainRequests } from './index.ts'
import { PlainRequest } from './plain-request.ts'

type Handler = (request: IncomingMessage, response: ServerResponse) => void

const servers: Server[] = []
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
})

interface Listening {
  server: Server
  port: number
}

async function listen(handler: Handler, kind: 'ours' | 'node' = 'ours', before?: (server: Server) => void) {
  const server = createServer({ connectionsCheckingInterval: 20 }, handler)
  before?.(server)
  if (kind === 'ours') answerPlainRequests(server, { roundMs: 10 })
  servers.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { server, port: (server.address() as AddressInfo).port } satisfies Listening
}

interface Line {
  socket: Socket
  text: string
  isClosed: boolean
}

async function open({ port }: Listening): Promise<Line> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  const line: Line = { socket, text: '', isClosed: false }
  socket.setEncoding('latin1')
  socket.on('data', (text: string) => {
    line.text += text
  })
  socket.on('error', () => undefined)
  socket.on('close', () => {
    line.isClosed = true
  })
  await once(socket, 'connect')
  return line
}

/** Sends the pieces, each in a packet of its own, and gives all that comes back until the server closes. */
async function exchange(listening: Listening, pieces: readonly Buffer[]): Promise<string> {
  const line = await open(listening)
  for (const piece of pieces) {
    if (line.isClosed) break
    await new Promise((resolve) => line.socket.write(piece, resolve))
    await new Promise(setImmediate)
  }
  if (!line.isClosed) await once(line.socket, 'close')
  return line.text
}

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

const last = 'GET /last HTTP/1.1\r\nHost: a\r\n\r\n'
const host = 'Host: parley.example\r\n'

const plain: Record<string, string> = {
  'nothing but a host': `GET / HTTP/1.1\r\n${host}\r\n`,
  'a query and odd paths': `GET /a%20b/..//c?d=%ff&e=[1]#f HTTP/1.1\r\n${host}\r\n`,
  'a body': `POST /b HTTP/1.1\r\n${host}Content-Type: application/json\r\nContent-Length: 7\r\n\r\n{"a":1}`,
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

/** Says of each request which way it came. */
const whose: Handler = (request, response) => {
  request.resume()
  request.on('end', () => {
    if (request.url === '/last') response.setHeader('connection', 'close')
    response.end(request instanceof PlainRequest ? 'plain;' : 'node;')
  })
}

describe('plain requests', () => {
  it.each(Object.entries(plain))('with %s are answered as Node answers them, but past it', async (_, text) => {
    const bytes = Buffer.from(text + last, 'latin1')
    const node = await exchange(await listen(echo, 'node'), [bytes])
    expect(meaningOf(await exchange(await listen(echo), [bytes]))).toEqual(meaningOf(node))
    expect(await exchange(await listen(whose), [bytes])).not.toContain('node;')
  })

  it.each(Object.entries(notPlain))('with %s first are answered by Node', async (_, text) => {
    const bytes = Buffer.from(text + last, 'latin1')
    const node = await exchange(await listen(echo, 'node'), [bytes])
    expect(meaningOf(await exchange(await listen(echo), [bytes]))).toEqual(meaningOf(node))
  })

  it('are the same with any other before and behind them, cut anywhere', async () => {
    const [ours, nodes] = [await listen(echo), await listen(echo, 'node')]
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
    const text = plain['a body']!
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
    const node = await exchange(await listen(echo, 'node'), [Buffer.from(text, 'latin1')])
    expect(node).toMatch(/^HTTP\/1\.1 400 /)
    const server = createServer(echo)
    answerPlainRequests(server, { roundMs: 600_000 })
    servers.push(server)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const listening = { server, port: (server.address() as AddressInfo).port }
    expect(await exchange(listening, [Buffer.from(text, 'latin1')])).toBe(node)
  })

  it.each([
    ['a head', 'GET /h HTTP/1.1\r\nHost: a\r\n'],
    ['a body', 'POST /h HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc'],
  ])('is %s whose client has said all', async (_, text) => {
    const answers = await Promise.all(
      (['ours', 'node'] as const).map(async (kind) => {
        const line = await open(await listen(echo, kind))
        line.socket.end(`${plain['a body']}${text}`)
        await once(line.socket, 'close')
        return meaningOf(line.text)
      }),
    )
    expect(answers[0]!.at(-1)).toMatch(/^HTTP\/1\.1 400 /)
    expect(answers[0]!.at(-1)).toBe(answers[1]!.at(-1))
  })
})

describe('an answer to a plain request', () => {
  async function answered(handler: Handler, method = 'GET') {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const listening = await listen((request, response) => {
      expect(request).toBeInstanceOf(PlainRequest)
      handler(request, response)
    })
    const read = async () => {
      const asked = httpRequest({ port: listening.port, host: '127.0.0.1', agent, method })
      asked.end()
      const [message] = (await once(asked, 'response')) as [IncomingMessage]
      const parts: Buffer[] = []
      for await (const part of message) parts.push(part)
      return { status: message.statusCode, headers: message.headers, body: Buffer.concat(parts), socket: asked.socket }
    }
    const [first, second] = [await read(), await read()]
    expect(second.body).toEqual(first.body)
    agent.destroy()
    return { ...first, isKept: first.socket === second.socket }
  }

  const bodies: [string, string | Buffer][] = [
    ['text', 'hello'],
    ['any script', '한국어 🙂 é \ud83d'],
    ['bytes', Buffer.from([0, 255, 13, 10])],
    ['nothing', ''],
    ['megabytes', 'é'.repeat(3_000_000)],
  ]
  it.each(bodies)('of %s comes whole, with a length, in chunks, and unannounced', async (_, body) => {
    const expected = Buffer.from(body)
    const told = await answered((_, response) => {
      response.writeHead(201, { 'content-length': expected.length, 'x-a': ['1', '2'] }).end(body)
    })
    expect(told).toMatchObject({ status: 201, isKept: true })
    expect(told.headers).toMatchObject({ 'content-length': String(expected.length), 'x-a': '1, 2' })
    expect(told.headers.date).toBe(new Date(told.headers.date!).toUTCString())
    expect(told.body.equals(expected)).toBe(true)
    const inChunks = await answered((_, response) => {
      response.setHeader('X-A', 'ö')
      response.writeHead(200, { 'x-b': 'b' })
      response.flushHeaders()
      response.write(body)
      response.write(body)
      response.end(body)
    })
    expect(inChunks.isKept).toBe(true)
    expect(inChunks.headers).toMatchObject({ 'transfer-encoding': 'chunked', 'x-a': 'ö', 'x-b': 'b' })
    expect(inChunks.body.equals(Buffer.concat([expected, expected, expected]))).toBe(true)
    const short = await answered((_, response) => void response.end(body))
    expect(short.headers['content-length']).toBe(String(expected.length))
    expect(short.body.equals(expected)).toBe(true)
  })

  it('is framed as its encoding says', async () => {
    const whole = await answered((_, response) => void response.end('é', 'latin1'))
    expect(whole.body).toEqual(Buffer.from('é', 'latin1'))
    const inChunks = await answered((_, response) => {
      response.writeHead(200).write('é', 'latin1')
      response.end('ff00', 'hex')
    })
    expect(inChunks.body).toEqual(Buffer.from([0xe9, 0xff, 0]))
  })

  it.each([
    ['HEAD', 200],
    ['GET', 204],
    ['GET', 304],
  ])('tells no length where HTTP has no body (%s %i)', async (method, status) => {
    const { headers } = await answered((_, response) => {
      response.statusCode = status
      response.end()
    }, method)
    expect(headers['content-length']).toBeUndefined()
  })

  it('says what its handler has said of it, and that once', async () => {
    const { headers, body } = await answered((_, response) => {
      response.setHeader('x-a', '1')
      response.setHeader('transfer-encoding', 'chunked')
      expect(() => response.writeHead(204, { 'x-a': 'a\nb' })).toThrow(TypeError)
      response.statusCode = 200
      response.setHeader('X-A', '2')
      response.end('fine')
    })
    expect(headers).toMatchObject({ 'x-a': '2', 'transfer-encoding': 'chunked' })
    expect(headers['content-length']).toBeUndefined()
    expect(body.toString()).toBe('fine')
    const other = await answered((_, response) => {
      response.setHeader('x-a', '1')
      response.writeHead(200, { 'X-A': '2' }).end()
    })
    expect(other.headers['x-a']).toBe('2')
  })

  it('of a stream waits for its reader, and is finished', async () => {
    const pieces = Array.from({ length: 200 }, (_, index) => Buffer.alloc(50_000, index))
    const ends: Promise<void>[] = []
    const { body } = await answered((_, response) => {
      ends.push(finished(response))
      Readable.from(pieces).pipe(response)
    })
    expect(body.equals(Buffer.concat(pieces))).toBe(true)
    await Promise.all(ends)
  })

  it.each([
    ['HEAD', 200, { 'content-length': '5' }],
    ['GET', 204, {}],
    ['GET', 304, { etag: '"a"' }],
  ])('has no body where HTTP has none (%s %i)', async (method, status, headers) => {
    const answer = await answered((_, response) => {
      response.writeHead(status, headers)
      response.write('hello')
      response.end('again')
    }, method)
    expect(answer).toMatchObject({ status, isKept: true, headers })
    expect(answer.headers['transfer-encoding']).toBeUndefined()
    expect(answer.body).toHaveLength(0)
  })

  it('never has a header that ends early, nor a second head', async () => {
    const listening = await listen((_, response) => {
      for (const value of ['a\r\nb: c', 'a\nb', 'a\u0000', 'a\u0100']) {
        expect(() => response.writeHead(200, { 'x-a': value })).toThrow(TypeError)
        expect(() => response.setHeader('x-a', value)).toThrow(TypeError)
      }
      expect(() => response.writeHead(200, { 'x-a': ['a', 'a\r\nb: c'] })).toThrow(TypeError)
      expect(() => response.writeHead(200, { 'x a': 'a' })).toThrow(TypeError)
      response.writeHead(200, { connection: 'close', 'x-a': 'a' })
      expect(() => response.writeHead(200)).toThrow(expect.objectContaining({ code: 'ERR_HTTP_HEADERS_SENT' }))
      response.end('fine')
    })
    expect(await exchange(listening, [Buffer.from(last)])).toMatch(
      /^HTTP\/1\.1 200 OK\r\nx-a: a\r\n[\s\S]*fine\r\n0\r\n\r\n$/,
    )
  })

  it('is told of its end in Node’s order', async () => {
    const events: string[] = []
    const listening = await listen((request, response) => {
      for (const name of ['finish', 'close']) response.on(name, () => events.push(name))
      request.on('close', () => events.push(`request closed, aborted ${request.aborted}`))
      response.end('x', () => events.push('ended'))
      expect(events).toEqual([])
      expect(response).toMatchObject({ writableEnded: true, headersSent: true })
    })
    const { socket } = await open(listening)
    socket.write(plain['a body']!)
    await until(() => events.length === 4)
    expect(events).toEqual(['finish', 'ended', 'close', 'request closed, aborted false'])
  })

  it('is told when its client leaves, and takes no harm from being written', async () => {
    const gone = Promise.withResolvers<string>()
    const listening = await listen((request, response) => {
      response.on('finish', () => gone.resolve('finished'))
      response.writeHead(200).write('one')
      response.on('close', () => {
        expect(response).toMatchObject({ destroyed: true, writableEnded: false, writable: false, socket: null })
        expect(response.write('two')).toBe(true)
        response.end('three')
        setImmediate(() => gone.resolve(`left, aborted ${request.aborted}`))
      })
    })
    const { socket } = await open(listening)
    socket.write(plain['a body']!)
    await once(socket, 'data')
    socket.resetAndDestroy()
    expect(await gone.promise).toBe('left, aborted true')
  })

  it('may cut its connection', async () => {
    const listening = await listen((_, response) => {
      response.writeHead(200, { 'content-length': 10 }).write('one')
      response.destroy(new Error('no more'))
    })
    const line = await open(listening)
    line.socket.write(plain['a body']!)
    await once(line.socket, 'close')
    expect(line.text).not.toContain('two')
  })

  it('is over at once when it is cut', async () => {
    const events: string[] = []
    const listening = await listen((_, response) => {
      for (const name of ['finish', 'close']) response.on(name, () => events.push(name))
      response.writeHead(200).write('one')
      response.destroy()
      if (response.destroyed) events.push('destroyed')
      response.end('two')
    })
    const line = await open(listening)
    line.socket.write(plain['a body']!)
    await until(() => events.includes('close'))
    expect(events).toEqual(['destroyed', 'close'])
  })

  it('leaves in the system what is asked before its turn, whatever the number', async () => {
    const waiting: ServerResponse[] = []
    const listening = await listen((_, response) => void waiting.push(response))
    const [line, accepted] = await Promise.all([open(listening), once(listening.server, 'connection')])
    const request = `GET / HTTP/1.1\r\nHost: a\r\nX-A: ${'x'.repeat(200)}\r\n\r\n`
    const wanted = 100_000
    line.socket.write(request.repeat(wanted))
    const count = 100
    for (let answered = 0; answered < count; answered++) {
      await until(() => waiting.length === answered + 1)
      waiting[answered]!.end()
    }
    expect((accepted[0] as Socket).bytesRead).toBeLessThan(1_000_000)
    line.socket.destroy()
  })

  it('makes who asks too early wait for his turn', async () => {
    const waiting: ServerResponse[] = []
    const listening = await listen((_, response) => void waiting.push(response))
    const line = await open(listening)
    line.socket.write(plain['a body']!)
    await until(() => waiting.length === 1)
    const more = 100
    for (let count = 0; count < more; count++) line.socket.write(plain['a body']!)
    for (let count = 0; count < more; count++) {
      await until(() => waiting.length === count + 1)
      waiting[count]!.end(`<${count}>`)
    }
    await until(() => line.text.includes(`<${more - 1}>`))
    expect(line.text.match(/<\d+>/g)).toEqual(Array.from({ length: more }, (_, count) => `<${count}>`))
  })
})

describe('connections of plain requests', () => {
  it('close when they have been idle for as long as was said', async () => {
    const listening = await listen(whose, 'ours', (server) => {
      server.keepAliveTimeout = 1_000
    })
    const line = await open(listening)
    line.socket.write(plain['a body']!)
    await until(() => line.text.includes('plain;'))
    expect(line.text).toContain('Keep-Alive: timeout=1\r\n')
    await once(line.socket, 'close')
  })

  it('are watched over by the server’s time-out while an answer is not taken', async () => {
    const timedOut = Promise.withResolvers<Socket>()
    const listening = await listen(
      (_, response) => void response.end('x'.repeat(50_000_000)),
      'ours',
      (server) => void server.setTimeout(200, timedOut.resolve),
    )
    const line = await open(listening)
    line.socket.pause()
    line.socket.write(plain['a body']!)
    const socket = await timedOut.promise
    expect(socket.writableLength).toBeGreaterThan(0)
    socket.destroy()
  })

  it('are closed by Node when a request is late', async () => {
    const listening = await listen(whose, 'ours', (server) => {
      server.headersTimeout = 100
      server.requestTimeout = 200
    })
    for (const start of [
      'GET / HTTP/1.1\r\nHost: a\r\n',
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc',
    ]) {
      const line = await open(listening)
      line.socket.write(start)
      await once(line.socket, 'close')
      expect(line.text).toMatch(/^HTTP\/1\.1 408 /)
    }
  })

  it('end with the server: the idle at once, the busy when they are answered, the half-asked when they have asked', async () => {
    const waiting: ServerResponse[] = []
    const listening = await listen(
      (request, response) => {
        if (request.url === '/wait') waiting.push(response)
        else whose(request, response)
      },
      'ours',
      (server) => {
        // Node waits for as long until it closes what was asked half by then.
        server.keepAliveTimeout = 1_000
      },
    )
    const [idle, busy, half] = [await open(listening), await open(listening), await open(listening)]
    idle.socket.write(plain['a body']!)
    busy.socket.write('GET /wait HTTP/1.1\r\nHost: a\r\n\r\n')
    half.socket.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n')
    await until(() => idle.text.includes('plain;') && waiting.length === 1)
    const closed = once(listening.server, 'close')
    listening.server.close()
    await once(idle.socket, 'close')
    expect([busy.isClosed, half.isClosed]).toEqual([false, false])
    waiting[0]!.end('here')
    await once(busy.socket, 'close')
    expect(busy.text).toContain('here')
    half.socket.write('ok')
    await once(half.socket, 'close')
    expect(half.text).toContain('node;')
    await closed
  })

  it('stay open for as long as was said', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    const server = createServer(whose)
    server.keepAliveTimeout = 1_000
    answerPlainRequests(server, { roundMs: 400 })
    servers.push(server)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const line = await open({ server, port: (server.address() as AddressInfo).port })
    const ask = async () => {
      const before = line.text.length
      line.socket.write(plain['a body']!)
      await until(() => line.text.length > before || line.isClosed)
    }
    vi.advanceTimersByTime(399)
    await ask()
    vi.advanceTimersByTime(999)
    await ask()
    expect(line.isClosed).toBe(false)
    vi.advanceTimersByTime(1_000 + 2 * 400)
    await once(line.socket, 'close')
    vi.useRealTimers()
  })

  it('are handed over with every byte in its place, however slowly they are taken', async () => {
    const listening = await listen((request, response) => {
      let bytes = 0
      request.on('data', (part: Buffer) => {
        bytes += part.length
        if (request instanceof PlainRequest) return
        request.pause()
        setImmediate(() => request.resume())
      })
      request.on('end', () => setImmediate(() => response.end(`<${bytes}>`)))
      request.on('error', () => undefined)
      request.resume()
    })
    const told = (size: number) => `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${size}\r\n\r\n${'a'.repeat(size)}`
    const chunks = [17_313, 40_353, 56_497, 76_177].map((size) => `${size.toString(16)}\r\n${'b'.repeat(size)}\r\n`)
    const inChunks = `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${chunks.join('')}0\r\n\r\n`
    const end = `GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`
    const all = Buffer.from(told(2_184) + told(984) + told(67_696) + told(1_752) + inChunks + end)
    for (let count = 0; count < 5; count++)
      expect((await exchange(listening, [all])).match(/<\d+>/g)).toEqual([
        '<2184>',
        '<984>',
        '<67696>',
        '<1752>',
        '<190340>',
        '<0>',
      ])
  })

  it('become sockets, also after plain requests', async () => {
    const listening = await listen(whose)
    listening.server.on('upgrade', (request, socket, head: Buffer) => {
      socket.end(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\r\n${request.url} ${head}`)
    })
    const line = await open(listening)
    line.socket.write(plain['a body']!)
    await until(() => line.text.includes('plain;'))
    line.socket.write('GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nfirst bytes')
    await once(line.socket, 'close')
    expect(line.text).toMatch(/101 Switching Protocols[\s\S]*\/ws first bytes$/)
  })
})
