import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { describe, expect, it, vi } from 'vitest'
import { until } from '#test/support/until.ts'
import { exchange, listen, open, plainRequest, whose } from './listening-for-test.ts'
import { PlainRequest } from './plain-request.ts'

describe('connections of plain requests', () => {
  it('close when they have been idle for as long as was said', async () => {
    const listening = await listen(whose, {
      before: (server) => {
        server.keepAliveTimeout = 1_000
      },
    })
    const line = await open(listening)
    line.socket.write(plainRequest)
    await until(() => line.text.includes('plain;'))
    expect(line.text).toContain('Keep-Alive: timeout=1\r\n')
    await once(line.socket, 'close')
  })

  it('are watched over by the server’s time-out while an answer is not taken', async () => {
    const timedOut = Promise.withResolvers<Socket>()
    const listening = await listen((_, response) => void response.end('x'.repeat(50_000_000)), {
      before: (server) => void server.setTimeout(200, timedOut.resolve),
    })
    const line = await open(listening)
    line.socket.pause()
    line.socket.write(plainRequest)
    const socket = await timedOut.promise
    expect(socket.writableLength).toBeGreaterThan(0)
    socket.destroy()
  })

  it('are closed by Node when a request is late', async () => {
    const listening = await listen(whose, {
      before: (server) => {
        server.headersTimeout = 100
        server.requestTimeout = 200
      },
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
      {
        before: (server) => {
          // Node waits for as long until it closes what was asked half by then.
          server.keepAliveTimeout = 1_000
        },
      },
    )
    const [idle, busy, half] = [await open(listening), await open(listening), await open(listening)]
    idle.socket.write(plainRequest)
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
    const listening = await listen(whose, {
      roundMs: 400,
      before: (server) => {
        server.keepAliveTimeout = 1_000
      },
    })
    const line = await open(listening)
    const ask = async () => {
      const before = line.text.length
      line.socket.write(plainRequest)
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
    line.socket.write(plainRequest)
    await until(() => line.text.includes('plain;'))
    line.socket.write('GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nfirst bytes')
    await once(line.socket, 'close')
    expect(line.text).toMatch(/101 Switching Protocols[\s\S]*\/ws first bytes$/)
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
    line.socket.write(plainRequest)
    await until(() => waiting.length === 1)
    const more = 100
    for (let count = 0; count < more; count++) line.socket.write(plainRequest)
    for (let count = 0; count < more; count++) {
      await until(() => waiting.length === count + 1)
      waiting[count]!.end(`<${count}>`)
    }
    await until(() => line.text.includes(`<${more - 1}>`))
    expect(line.text.match(/<\d+>/g)).toEqual(Array.from({ length: more }, (_, count) => `<${count}>`))
  })
})
