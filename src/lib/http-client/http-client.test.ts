import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, getCACertificates, setDefaultCACertificates, type TLSSocket } from 'node:tls'
import { afterEach, describe, expect, it, onTestFinished } from 'vitest'
import { certificate } from '#test/support/certificate.ts'
import { until } from '#test/support/until.ts'
import { HttpClient, type HttpFault, type HttpRequestText, type SentRequest } from './index.ts'

/** The other side of a connection, as bytes. */
interface Peer {
  socket: Socket
  /** Everything it was sent so far. */
  text: string
  isClosed: boolean
}

describe.each(['http', 'https'] as const)('a client over %s', (scheme) => {
  const client = new HttpClient()
  const servers: Server[] = []
  const peers: Peer[] = []

  afterEach(async () => {
    for (const { socket } of peers.splice(0)) socket.destroy()
    for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve))
  })

  /** A server that calls `answer` whenever something came over a connection. */
  async function listen(answer: (peer: Peer) => void, port = 0): Promise<string> {
    const connected = (socket: Socket) => {
      const peer: Peer = { socket, text: '', isClosed: false }
      peers.push(peer)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        peer.isClosed = true
      })
      socket.on('data', (bytes) => {
        peer.text += bytes.toString('latin1')
        answer(peer)
      })
    }
    const server = scheme === 'http' ? createServer(connected) : createTlsServer(certificate, connected)
    if (scheme === 'https') {
      const before = getCACertificates('default')
      setDefaultCACertificates([...before, certificate.cert])
      onTestFinished(() => setDefaultCACertificates(before))
    }
    servers.push(server)
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    return `${scheme}://localhost:${(server.address() as AddressInfo).port}`
  }

  interface Told {
    sent: SentRequest
    /** Resolves with the body, rejects with the error. */
    end: Promise<string>
    head: Promise<number>
    headers: Record<string, string>
    wasSent: boolean
    bytes: number
    pauseAtOnce(): void
    abort(): void
    resume(): void
  }

  function ask(origin: string, request: Partial<HttpRequestText> = {}): Told {
    const end = Promise.withResolvers<string>()
    const head = Promise.withResolvers<number>()
    end.promise.catch(() => undefined)
    head.promise.catch(() => undefined)
    const chunks: Buffer[] = []
    let isPausing = false
    const told = {
      end: end.promise,
      head: head.promise,
      headers: {},
      wasSent: false,
      bytes: 0,
      pauseAtOnce: () => {
        isPausing = true
      },
      abort: () => told.sent.abort(requester),
      resume: () => {
        isPausing = false
        told.sent.resume(requester)
      },
    } as Told
    const requester = {
      onSent: () => {
        told.wasSent = true
      },
      onHead: (status: number, headers: Record<string, string>) => {
        told.headers = { ...headers }
        head.resolve(status)
      },
      onBody: (bytes: Buffer) => {
        chunks.push(bytes)
        told.bytes += bytes.length
        if (isPausing) told.sent.pause(requester)
      },
      onEnd: () => end.resolve(Buffer.concat(chunks).toString('utf8')),
      onError: (error: Error) => {
        head.reject(error)
        end.reject(error)
      },
    }
    told.sent = client.send(origin, { method: 'POST', path: '/a?b=c', headers: {}, body: '{}', ...request }, requester)
    return told
  }

  const isWhole = ({ text }: Peer) => /\r\n\r\n\{[^}]*\}$/.test(text)
  const hello = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello'
  const fault = (code: HttpFault['code']) => expect.objectContaining({ name: 'HttpFault', code })

  it('sends what it is given, byte for byte, and gives what comes back', async () => {
    const origin = await listen((peer) => isWhole(peer) && peer.socket.write(hello))
    const told = ask(origin, { headers: { 'x-one': 'caf\xe9', authorization: 'Bearer k' }, body: '{"a":"é東👋"}' })
    expect(await told.end).toBe('hello')
    expect(told.headers).toEqual({ 'content-length': '5' })
    expect(Buffer.from(peers[0]!.text, 'latin1').toString('latin1')).toBe(
      `POST /a?b=c HTTP/1.1\r\nconnection: keep-alive\r\nhost: ${new URL(origin).host}\r\nx-one: caf\xe9\r\nauthorization: Bearer k\r\ncontent-length: 17\r\n\r\n${Buffer.from('{"a":"é東👋"}').toString('latin1')}`,
    )
  })

  it('uses a connection again, and a new one beside it for who asks meanwhile', async () => {
    const origin = await listen((peer) => {
      if (!isWhole(peer)) return
      peer.text = ''
      peer.socket.write(hello)
    })
    for (let time = 0; time < 3; time++) expect(await ask(origin).end).toBe('hello')
    expect(peers).toHaveLength(1)
    await Promise.all([ask(origin).end, ask(origin).end])
    expect(peers).toHaveLength(2)
    expect(client.busy).toBe(0)
  })

  it.each([
    ['that the other side closes', 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello'],
    ['over which more came than the answer', `${hello}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil`],
    ['that is soon closed', 'HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1\r\nContent-Length: 5\r\n\r\nhello'],
    ['whose end is the answer’s', 'HTTP/1.1 200 OK\r\n\r\nhello'],
  ])('does not use a connection again %s', async (_, answer) => {
    const origin = await listen((peer) => {
      if (!isWhole(peer)) return
      if (answer.includes('\r\n\r\nhello') && !/length/i.test(answer)) peer.socket.end(answer)
      else peer.socket.write(answer)
    })
    for (let time = 0; time < 2; time++) expect(await ask(origin).end).toBe('hello')
    expect(peers).toHaveLength(2)
    await until(() => peers.every(({ isClosed }) => isClosed))
  })

  it('closes an idle connection over which something comes unasked', async () => {
    const origin = await listen((peer) => isWhole(peer) && peer.socket.write(hello))
    await ask(origin).end
    peers[0]!.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil')
    await until(() => peers[0]!.isClosed)
    expect(await ask(origin).end).toBe('hello')
    expect(peers).toHaveLength(2)
  })

  it('takes a new connection after the other side has closed an idle one', async () => {
    const origin = await listen((peer) => isWhole(peer) && peer.socket.write(hello))
    await ask(origin).end
    peers[0]!.socket.end()
    await until(() => peers[0]!.isClosed)
    expect(await ask(origin).end).toBe('hello')
    expect(client.busy).toBe(0)
  })

  it('does not use a connection again over which half a question is still on its way', async () => {
    let asked = 0
    const origin = await listen((peer) => {
      if (asked++ > 0 && !isWhole(peer)) return
      // An answer that did not wait for the question.
      peer.socket.pause()
      peer.socket.write('HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n')
    })
    const long = ask(origin, { body: `{"a":"${'x'.repeat(20_000_000)}"}` })
    expect(await long.head).toBe(413)
    expect(await long.end).toBe('')
    peers[0]!.socket.resume()
    await until(() => peers[0]!.isClosed)
    expect(await ask(origin).head).toBe(413)
    expect(peers).toHaveLength(2)
  })

  it('tells of a connection that ends too soon, and of an answer that is none', async () => {
    const ends = await listen((peer) => peer.socket.end('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello'))
    const cut = ask(ends)
    expect(await cut.head).toBe(200)
    await expect(cut.end).rejects.toEqual(fault('CLOSED'))
    expect(cut.bytes).toBe(5)
    const silent = await listen((peer) => peer.socket.end())
    await expect(ask(silent).end).rejects.toEqual(fault('CLOSED'))
    const rubbish = await listen((peer) => peer.socket.write('SSH-2.0-OpenSSH\r\n'))
    await expect(ask(rubbish).end).rejects.toEqual(fault('MALFORMED'))
    await until(() => peers.every(({ isClosed }) => isClosed))
  })

  it('tells that nobody is there', async () => {
    const origin = await listen(() => undefined)
    await new Promise((resolve) => servers.pop()!.close(resolve))
    const told = ask(origin)
    await expect(told.end).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    expect(told.wasSent).toBe(false)
  })

  it('aborts while it connects, before the answer and in the middle of it, and tells nothing more', async () => {
    const origin = await listen((peer) => isWhole(peer) && peer.socket.write('HTTP/1.1 200 OK\r\n\r\nhel'))
    const early = ask(origin)
    early.abort()
    const begun = ask(origin)
    await begun.head
    await until(() => begun.bytes === 3)
    begun.abort()
    await until(() => peers.length > 0 && peers.every(({ isClosed }) => isClosed))
    expect(client.busy).toBe(0)
    expect(early.wasSent).toBe(false)
  })

  it('reads nothing while it is paused, and the rest afterwards', async () => {
    const size = 64 * 1024 * 1024
    let written = 0
    const origin = await listen((peer) => {
      if (!isWhole(peer)) return
      peer.socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`)
      const piece = Buffer.alloc(1024 * 1024, 'x')
      const more = () => {
        while (written < size) {
          written += piece.length
          if (!peer.socket.write(piece)) return peer.socket.once('drain', more)
        }
        return undefined
      }
      more()
    })
    const told = ask(origin)
    told.pauseAtOnce()
    await until(() => told.bytes > 0)
    // The system keeps some of it for us; the other side is held up long before its end.
    let before = -1
    await until(() => {
      const isHeld = written === before
      before = written
      return isHeld
    })
    expect(written).toBeLessThan(size / 2)
    expect(told.bytes).toBeLessThan(1024 * 1024)
    told.resume()
    expect(await told.end).toHaveLength(size)
  })

  it.each([
    ['a line break', { 'x-a': 'b\r\nx-evil: 1' }],
    ['what is no byte', { 'x-a': '東' }],
    ['a name that is none', { 'x a': 'b' }],
    ['how the body is framed', { 'Transfer-Encoding': 'chunked' }],
  ])('sends no header with %s', async (_, headers) => {
    const origin = await listen((peer) => isWhole(peer) && peer.socket.write(hello))
    await expect(ask(origin, { headers }).end).rejects.toEqual(fault('UNSENDABLE'))
    expect(await ask(origin).end).toBe('hello')
    expect(peers.map(({ text }) => text).join('')).not.toContain('evil')
  })

  it('tells who waits that it is closed', async () => {
    const closing = new HttpClient()
    const origin = await listen(() => undefined)
    const failed = new Promise((resolve) => {
      const none = () => undefined
      const requester = { onSent: () => closing.close(), onHead: none, onBody: none, onEnd: none, onError: resolve }
      closing.send(origin, { method: 'GET', path: '/', headers: {} }, requester)
    })
    expect(await failed).toEqual(fault('CLOSED'))
    await until(() => peers.every(({ isClosed }) => isClosed))
  })

  if (scheme === 'https')
    it('goes on from the last TLS session, and trusts no certificate that nobody vouches for', async () => {
      const reused: unknown[] = []
      const origin = await listen(({ socket, ...peer }) => {
        if (!isWhole({ socket, ...peer })) return
        reused.push((socket as TLSSocket).isSessionReused())
        socket.write(hello.replace('OK', 'OK\r\nConnection: close'))
      })
      for (let time = 0; time < 2; time++) {
        await ask(origin).end
        await until(() => peers[time]!.isClosed)
      }
      expect(reused).toEqual([false, true])
      setDefaultCACertificates([])
      const stranger = new HttpClient()
      const refused = new Promise((resolve) => {
        const none = () => undefined
        const requester = { onSent: none, onHead: none, onBody: none, onEnd: none, onError: resolve }
        stranger.send(origin, { method: 'GET', path: '/', headers: {} }, requester)
      })
      expect(await refused).toMatchObject({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' })
    })
})
