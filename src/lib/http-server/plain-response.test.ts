import { once } from 'node:events'
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import { finished } from 'node:stream/promises'
import { describe, expect, it } from 'vitest'
import { until } from '#test/support/until.ts'
import { exchange, type Handler, last, listen, open, plainRequest } from './listening-for-test.ts'
import { PlainRequest } from './plain-request.ts'

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
    socket.write(plainRequest)
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
    socket.write(plainRequest)
    await once(socket, 'data')
    socket.resetAndDestroy()
    expect(await gone.promise).toBe('left, aborted true')
  })

  it('may cut its connection', async () => {
    const listening = await listen((_, response) => {
      response.writeHead(200, { 'content-length': 10 }).write('one')
      response.destroy(new Error('no more'))
      response.write('two')
    })
    const line = await open(listening)
    line.socket.write(plainRequest)
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
    line.socket.write(plainRequest)
    await until(() => events.includes('close'))
    expect(events).toEqual(['destroyed', 'close'])
  })
})
