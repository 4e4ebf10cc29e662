import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { json } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import { AppError } from '#errors/index.ts'
import { deflated } from '#test/support/raw-deflate.ts'
import { rsv1, text } from '#test/support/raw-frames.ts'
import { handshake, dial as raw } from '#test/support/raw-websocket.ts'
import { until } from '#test/support/until.ts'
import { house, take } from './house-for-test.ts'

describe('a door', () => {
  it('is given the request in short, and frames as text and bytes, in order', async () => {
    const { open, handlers } = await house()
    const both = await open('/door/caf%C3%A9?token=t&x=1', { headers: { 'x-request-id': 'mine' } })
    expect(both.request).toEqual({
      id: 'mine',
      ip: '127.0.0.1',
      params: { name: 'café' },
      query: { token: 't', x: '1' },
      credentials: { bearer: 't' },
    })
    const all = Promise.withResolvers<void>()
    handlers.message = async (_, { said }) => {
      if (said.length === 3) all.resolve()
    }
    both.client.send('one')
    both.client.send(Buffer.from('two'))
    both.client.send('three')
    await all.promise
    expect(both.said).toEqual(['one', Buffer.from('two'), 'three'])
    both.socket.send('text')
    both.socket.send(new Uint8Array([1, 2]))
    await take(both, 2)
    expect(both.frames.map(({ data, isBinary }) => [[...data], isBinary])).toEqual([
      [[...Buffer.from('text')], false],
      [[1, 2], true],
    ])
  })

  it('is handed frames one after the other', async () => {
    const { open, handlers } = await house()
    const held = Promise.withResolvers<void>()
    const last = Promise.withResolvers<void>()
    handlers.message = (frame) => (frame === 'first' ? held.promise : void (frame === 'third' && last.resolve()))
    const both = await open()
    for (const frame of ['first', 'second', 'third']) both.client.send(frame)
    both.client.ping()
    await once(both.client, 'pong')
    expect(both.said).toEqual(['first'])
    held.resolve()
    await last.promise
    expect(both.said).toEqual(['first', 'second', 'third'])
  })

  it('hears all that was said before it was there, because it is not read sooner', async () => {
    const admitted = Promise.withResolvers<void>()
    const { dial, handlers } = await house({}, { admit: () => admitted.promise })
    // More than the kernel will hold for us.
    const frames = 2_000
    const all = Promise.withResolvers<void>()
    handlers.message = (_, { said }) => void (said.length === frames && all.resolve())
    const { client } = dial('/door/a', { perMessageDeflate: false })
    await once(client, 'open')
    for (let sent = 0; sent < frames; sent++) client.send('x'.repeat(32 * 1024))
    await until(() => client.bufferedAmount > 0)
    admitted.resolve()
    await all.promise
    expect(handlers.overruns).toBe(0)
  })

  it('holds no more of what comes compressed than of what does not', async () => {
    const admitted = Promise.withResolvers<void>()
    const { arrival, port, handlers, numbers } = await house({}, { admit: () => admitted.promise })
    const here = arrival()
    const client = raw(`http://127.0.0.1:${port}`)
    const frames = Array<Buffer>(90).fill(text(deflated('x'.repeat(32 * 1024)), { rsv: rsv1 }))
    // A few kilobytes in one piece.
    client.write(
      handshake({ path: '/door/a', headers: { 'sec-websocket-extensions': 'permessage-deflate' } }),
      ...frames,
    )
    await until(() => /frames_total{door="door",direction="in"} 90$/m.test(numbers.text()))
    admitted.resolve()
    const { said, over } = await here
    expect([said.length, handlers.overruns]).toEqual([32, 1])
    client.destroy()
    await over
  })

  it('may throw: its socket closes with 1011, and nothing of it is told', async () => {
    for (const message of [
      () => {
        throw new Error('secret')
      },
      () => Promise.reject(new Error('secret')),
    ]) {
      const { open, handlers, log } = await house()
      handlers.message = message
      const both = await open()
      both.client.send('x')
      expect(await both.closed).toEqual({ code: 1011, reason: 'Internal error' })
      expect(log.errors).toHaveLength(1)
    }
  })

  it.each([
    [new AppError('unauthenticated', 'no'), 1008, 'Invalid token'],
    [new AppError('overloaded', 'later'), 1013, 'Try again later'],
    [new Error('a defect'), 1011, 'Internal error'],
  ])('refuses after the handshake: %s', async (thrown, code, reason) => {
    const refusing = await house({}, { admit: () => Promise.reject(thrown) })
    expect(await refusing.dial('/door/x').closed).toEqual({ code, reason })
    const throwing = await house(
      {},
      {
        admit: () => {
          throw thrown
        },
        refusal: () => ({ code: 4000, reason: 'own words' }),
      },
    )
    expect(await throwing.dial('/door/x').closed).toEqual({ code: 4000, reason: 'own words' })
  })
})

describe('limits', () => {
  it('count sockets of an address, and give its place back', async () => {
    const { open, dial } = await house({ limits: { perAddress: 2, perUser: 9 } })
    const first = await open()
    await open()
    expect(await dial('/door/x').closed).toEqual({ code: 1013, reason: 'too many connections from this address' })
    first.client.close()
    await first.over
    await open()
  })

  it('count sockets of a user wherever they come from', async () => {
    const { open, dial } = await house(
      { limits: { perAddress: 9, perUser: 1 } },
      { owner: (_, { params }) => params.name },
    )
    const first = await open('/door/anna')
    await open('/door/berta')
    expect(await dial('/door/anna').closed).toEqual({ code: 1013, reason: 'too many connections of this user' })
    first.client.close()
    await first.over
    await open('/door/anna')
  })

  it('are heard when the clock is set back, and not only as much later', async () => {
    let time = Date.now()
    const { open, handlers } = await house({ limits: { perAddress: 9, perUser: 9 }, now: () => time })
    const both = await open()
    time -= 3_600_000
    both.client.send('one')
    both.client.send('two')
    both.client.ping()
    await once(both.client, 'pong')
    expect([both.said, handlers.overruns]).toEqual([['one', 'two'], 0])
  })

  it('let 50 frames a second through, and tell of the rest once', async () => {
    let now = 1_000_000
    const { open, handlers } = await house({ limits: { perAddress: 9, perUser: 9 }, now: () => now })
    const both = await open()
    const flood = async () => {
      for (let sent = 0; sent < 200; sent++) both.client.send('x')
      both.client.ping()
      await once(both.client, 'pong')
    }
    await flood()
    expect([both.said.length, handlers.overruns]).toEqual([50, 1])
    now += 500
    await flood()
    expect([both.said.length, handlers.overruns]).toEqual([75, 1])
    now += 500
    await flood()
    expect([both.said.length, handlers.overruns]).toEqual([100, 2])
  })

  it('let 100 frames wait, also without limits', async () => {
    const { open, handlers } = await house()
    const held = Promise.withResolvers<void>()
    handlers.message = () => held.promise
    const both = await open()
    for (let sent = 0; sent < 500; sent++) both.client.send('x')
    both.client.ping()
    await once(both.client, 'pong')
    const last = Promise.withResolvers<void>()
    handlers.message = (_, { said }) => void (said.length === 101 && last.resolve())
    held.resolve()
    await last.promise
    expect(handlers.overruns).toBe(1)
  })
})

describe('access', () => {
  it('that is lost closes the socket, at once or when it was lost on the way in', async () => {
    let lost = false
    const admitted = Promise.withResolvers<void>()
    const { open, dial, handlers, accessChanged } = await house(
      {},
      { admit: ({ params }) => (params.name === 'late' ? admitted.promise : undefined) },
    )
    handlers.still = async () => {
      if (lost) throw new AppError('unauthenticated', 'The session has ended')
    }
    const both = await open()
    accessChanged.fire()
    both.client.ping()
    await once(both.client, 'pong')
    expect(both.socket.isOpen).toBe(true)
    const late = dial('/door/late')
    await once(late.client, 'open')
    lost = true
    accessChanged.fire()
    expect(await both.closed).toEqual({ code: 1008, reason: 'Invalid token' })
    admitted.resolve()
    expect(await late.closed).toEqual({ code: 1008, reason: 'Invalid token' })
  })

  it('that nobody can look at stays', async () => {
    const { open, handlers, accessChanged } = await house()
    const asked = Promise.withResolvers<void>()
    handlers.still = async () => {
      asked.resolve()
      throw new AppError('overloaded', 'The database is gone')
    }
    const both = await open()
    accessChanged.fire()
    await asked.promise
    both.client.ping()
    await once(both.client, 'pong')
    expect(both.socket.isOpen).toBe(true)
  })
})

describe('plain requests', () => {
  it('are told to upgrade', async () => {
    const { port } = await house()
    const answer = await fetch(`http://127.0.0.1:${port}/door/a`)
    expect([answer.status, answer.headers.get('upgrade')]).toEqual([426, 'websocket'])
    expect(await answer.json()).toEqual({ message: 'This path speaks WebSocket only' })
  })

  it('keep their body when they offer another protocol, as clients of HTTP/2 do', async () => {
    const { port } = await house()
    const headers = { connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c', 'content-type': 'application/json' }
    const asked = request({ port, path: '/echo', method: 'POST', headers }).end('{"said":"hello"}')
    const [answer] = (await once(asked, 'response')) as [IncomingMessage]
    expect(answer.statusCode).toBe(200)
    expect(await json(answer)).toEqual({ said: 'hello' })
  })
})
