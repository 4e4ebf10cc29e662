import { once } from 'node:events'
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { databaseKinds } from '#test/support/databases.ts'
import { writingNothing } from './doors.ts'
import type { RawSocket } from './socket.ts'
import { type Belongings, makeWorld, type Person, type World } from './world.ts'

const deep = '['.repeat(10_000) + ']'.repeat(10_000)

for (const kind of databaseKinds)
  describe(`bad frames on ${kind}`, () => {
    let world: World
    let alice: Person
    let hers: Belongings
    /** The server's clock, for what it allows by the second. */
    let now = Date.now()

    beforeAll(async () => {
      // Limits are on for the sake of those of sockets; those of requests are out of the way.
      const plenty = '1000000/min'
      const env = {
        PARLEY_LIMITS: 'on',
        PARLEY_LIMIT_IP: plenty,
        PARLEY_LIMIT_USER: plenty,
        PARLEY_LIMIT_CHAT: plenty,
      }
      world = await makeWorld(kind, { env }, { now: () => now })
      alice = await world.person('alice')
      hers = await world.belongings(alice, 'alice-alone')
    })
    afterAll(() => world?.close())

    async function open(session = 's'): Promise<RawSocket> {
      now += 10_000
      const socket = await world.socket(`/ws/chat/${session}?token=${alice.jwt}`)
      await socket.next('connected')
      return socket
    }
    async function shut(socket: RawSocket): Promise<void> {
      socket.close()
      await socket.closed
    }

    const app = () => hers.app
    const chat = (more: object) => () => ({ type: 'chat', content: 'x', application_id: app(), ...more })
    it.each<[string, string, () => object | string | Uint8Array]>([
      ['no JSON', 'frame', () => 'hello'],
      ['half of it', 'frame', () => '{"type":'],
      ['empty', 'frame', () => ''],
      ['an array', 'frame', () => '[]'],
      ['a number', 'frame', () => '7'],
      ['null', 'frame', () => 'null'],
      ['a string', 'frame', () => '"ping"'],
      ['binary', 'frame', () => new TextEncoder().encode('{"type":"ping"}')],
      ['bytes that are no text', 'frame', () => new Uint8Array([0xff, 0xfe, 0])],
      ['without type', 'type', () => ({ content: 'x' })],
      ['of unknown type', 'type', () => ({ type: 'exec' })],
      ['of type __proto__', 'type', () => ({ type: '__proto__' })],
      ['of type 1', 'type', () => ({ type: 1 })],
      ['10,000 deep', 'type', () => `{"type":${deep}}`],
      ['half a million deep', 'frame', () => `{"type":${'['.repeat(500_000)}${']'.repeat(500_000)}}`],
      ['of 300,000 objects', 'frame', () => `{"type":[${'{},'.repeat(300_000)}1]}`],
      ['without content', 'content', chat({ content: undefined })],
      ['empty content', 'content', chat({ content: ' ' })],
      ['content 7', 'content', chat({ content: 7 })],
      ['content an object', 'content', chat({ content: {} })],
      ['application_id 7', 'application_id', chat({ application_id: 7 })],
      ['application_id of 256 characters', 'application_id', chat({ application_id: 'x'.repeat(256) })],
      ['chat_id an array', 'chat_id', chat({ chat_id: [] })],
      ['chat_id with NUL', 'chat_id', chat({ chat_id: 'a\0b' })],
      ['chat_id with half a character', 'chat_id', () => `{"type":"chat","content":"x","chat_id":"\\ud800"}`],
      ['idempotency_key with NUL', 'idempotency_key', chat({ idempotency_key: '\0' })],
      ['idempotency_key of 256 characters', 'idempotency_key', chat({ idempotency_key: 'k'.repeat(256) })],
      ['resume without turn_id', 'turn_id', () => ({ type: 'resume' })],
      ['resume after -1', 'after', () => ({ type: 'resume', turn_id: hers.turn, after: -1 })],
      ['resume after 1e999', 'after', () => `{"type":"resume","turn_id":"x","after":1e999}`],
      ['resume after "1"', 'after', () => ({ type: 'resume', turn_id: hers.turn, after: '1' })],
      ['steer without content', 'content', () => ({ type: 'steer', turn_id: hers.running })],
      ['a tool result without call', 'tool_call_id', () => ({ type: 'tool_result', turn_id: hers.running })],
      [
        'a tool result 10,000 deep',
        'result',
        () => `{"type":"tool_result","turn_id":"x","tool_call_id":"c","result":${deep}}`,
      ],
    ])('%s', async (_, field, frame) => {
      await writingNothing(world, async () => {
        const socket = await open()
        socket.send(frame())
        const error = await socket.next('error')
        expect(error).toMatchObject({ field, data: { field, message: error.message, code: error.code } })
        expect(['invalid_request', 'unsupported']).toContain(error.code)
        // It goes on.
        await socket.settled()
        await shut(socket)
      })
    })

    it.each(['x', 'a\0b', '\ud800', "' or 1=1 --", '../..', 'x'.repeat(255)])('knows no turn %j', async (id) => {
      const socket = await open()
      for (const frame of [
        { type: 'resume', turn_id: id },
        { type: 'cancel', turn_id: id },
        { type: 'steer', turn_id: id, content: 'x' },
      ]) {
        socket.send(frame)
        expect(['not_found', 'invalid_request']).toContain((await socket.next('error')).code)
      }
      await shut(socket)
    })

    it.each(['%00', '%ed%a0%80', "'%20or%201=1", '..%2f..', '%25', 'x'.repeat(500)])(
      'may be a session called %s, or not, but breaks nothing',
      async (session) => {
        const socket = await world.socket(`/ws/chat/${session}?token=${alice.jwt}`)
        socket.send({ type: 'chat', content: 'hello', application_id: hers.app })
        const said = await Promise.race([socket.next('response_end'), socket.next('error')]).catch(() => undefined)
        if (said?.type === 'error') expect(said.code).toBe('invalid_request')
        expect([undefined, 1008, 1006]).toContain(socket.ending?.code)
        await shut(socket)
      },
    )

    // A connection that nobody closes would keep the server from ever ending.
    it.each(['%ed%a0%80', '%zz', 'x'.repeat(600)])(
      'lets go of an upgrade to a URL that is none (%#)',
      async (session) => {
        const { port } = new URL(world.parley.url)
        const socket = connect(Number(port), '127.0.0.1')
        let text = ''
        socket.on('data', (chunk) => {
          text += chunk
        })
        const key = 'sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\nsec-websocket-version: 13'
        socket.write(
          `GET /ws/chat/${session} HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n${key}\r\n\r\n`,
        )
        await once(socket, 'close')
        expect(text).toMatch(/^HTTP\/1\.1 40[04] .*{"data":null,"status":"error"/s)
      },
    )

    it('refuses a frame over 1 MiB with 1009, and a text just below it not', async () => {
      const socket = await open()
      socket.send('x'.repeat(1024 * 1024 - 1))
      expect((await socket.next('error')).field).toBe('frame')
      socket.send('x'.repeat(1024 * 1024 + 1))
      expect((await socket.closed).code).toBe(1009)
      await shut(await open())
    })

    it('says nothing before it knows a bad token for one', async () => {
      for (const query of [
        'token=x',
        'token=eyJ.x.y',
        'api_key=parley_x',
        `token=pat_${'x'.repeat(43)}`,
        'token=%00',
      ]) {
        await writingNothing(world, async () => {
          const socket = await world.socket(`/ws/chat/s?${query}`)
          if (!socket.ending) socket.send({ type: 'chat', content: 'early', application_id: hers.app })
          expect(await socket.closed, query).toEqual({ code: 1008, reason: 'Invalid token' })
          expect(socket.frames, query).toEqual([])
        })
      }
    })

    it('answers what was sent before it knew who is there, in order', async () => {
      const socket = await world.socket(`/ws/chat/early?token=${alice.jwt}`)
      socket.send({ type: 'nonsense' })
      await socket.settled()
      expect(socket.frames.map(({ type }) => type)).toEqual(['connected', 'error', 'pong'])
      await shut(socket)
    })

    it('outlives 10,000 typing frames at once; the others hear of one', async () => {
      const flooder = await open('flooded')
      const neighbour = await open('flooded')
      const rss = process.memoryUsage().rss
      for (let i = 0; i < 10_000; i++) flooder.send('{"type":"typing"}')
      // Its own ping comes back when all of them were read.
      flooder.socket.ping()
      await once(flooder.socket, 'pong')
      now += 10_000
      await flooder.settled()
      await neighbour.settled()
      expect(neighbour.frames.filter(({ type }) => type === 'typing')).toHaveLength(1)
      // Told off, not told off ten thousand times.
      expect(flooder.frames.filter(({ type }) => type === 'error').length).toBeLessThanOrEqual(2)
      expect(process.memoryUsage().rss - rss).toBeLessThan(100 * 1024 * 1024)
      await shut(flooder)
      await shut(neighbour)
    })

    it('lets go of who floods it with pings, and of nobody else', async () => {
      const socket = await open('flooded')
      const neighbour = await open('flooded')
      for (let i = 0; i < 5_000; i++) socket.socket.ping()
      expect((await socket.closed).code).toBe(1006)
      expect((await neighbour.next('user_disconnected')).user_id).toBe(alice.user)
      await neighbour.settled()
      await shut(neighbour)
    })

    it('drops most of a flood of chats, and writes nothing of those it cannot start', async () => {
      const socket = await open()
      await writingNothing(world, async () => {
        for (let i = 0; i < 1_000; i++) socket.send({ type: 'chat', content: 'x', application_id: 'nowhere' })
        socket.socket.ping()
        await once(socket.socket, 'pong')
        now += 10_000
        await socket.settled()
      })
      const errors = socket.frames.filter(({ type }) => type === 'error').map(({ code }) => code)
      expect(new Set(errors)).toEqual(new Set(['not_found', 'rate_limit']))
      expect(errors.length).toBeLessThanOrEqual(51)
      await shut(socket)
    })
  })
