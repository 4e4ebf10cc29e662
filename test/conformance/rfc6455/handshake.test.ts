import { createHash } from 'node:crypto'
import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ping, text } from '#test/support/raw-frames.ts'
import { type HandshakeParts, sampleAccept } from '#test/support/raw-websocket.ts'
import { forEveryDoor } from './suite.ts'

type Case = [name: string, more: Partial<HandshakeParts>]
const headers = (name: string, given: HandshakeParts['headers']): Case => [name, { headers: given }]

forEveryDoor((suite) => {
  describe('accepts (RFC 6455 §4.2)', () => {
    it.each<Case>([
      ['the usual handshake', {}],
      headers('"WebSocket" in other letters', { upgrade: 'WebSocket' }),
      headers('"WEBSOCKET"', { upgrade: 'WEBSOCKET' }),
      headers('"connection: upgrade" in small letters', { connection: 'upgrade' }),
      headers('"UPGRADE" in capitals', { connection: 'UPGRADE' }),
      headers('several words in Connection', { connection: 'keep-alive, Upgrade' }),
      headers('several words, in another order', { connection: 'Upgrade,keep-alive' }),
      headers('Connection on two lines', { connection: ['keep-alive', 'Upgrade'] }),
      headers('names in capitals', { upgrade: undefined, UPGRADE: 'websocket' }),
      headers('spaces around values', { 'sec-websocket-version': '  13\t', upgrade: ' websocket  ' }),
      headers('a header nobody knows', { 'x-more': 'yes', 'sec-websocket-more': 'yes' }),
      headers('an Origin when no cookie comes with it', { origin: 'https://elsewhere.test' }),
    ])('%s', async (_, more) => {
      const client = await suite.open(more)
      const { headers: answer } = await client.answer
      expect(answer).toMatchObject({ 'sec-websocket-accept': sampleAccept })
      expect(answer.upgrade?.toLowerCase()).toBe('websocket')
      expect(answer.connection?.toLowerCase()).toBe('upgrade')
      expect(answer).not.toHaveProperty('sec-websocket-protocol')
      expect(answer).not.toHaveProperty('sec-websocket-extensions')
      await suite.works(client)
      await suite.leave(client)
    })

    it('makes Sec-WebSocket-Accept of the key it was given', async () => {
      for (const seed of ['one', 'two', 'three']) {
        const key = createHash('md5').update(seed).digest('base64')
        const client = await suite.open({ headers: { 'sec-websocket-key': key } })
        const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
        expect((await client.answer).headers['sec-websocket-accept']).toBe(accept)
        await suite.leave(client)
      }
    })

    it.each([
      ['one', 'graphql-ws'],
      ['several', 'chat, superchat'],
    ])('a client that offers %s subprotocols, and agrees to none it does not speak', async (_, offer) => {
      const client = await suite.open({ headers: { 'sec-websocket-protocol': offer } })
      expect((await client.answer).headers).not.toHaveProperty('sec-websocket-protocol')
      await suite.works(client)
      await suite.leave(client)
    })

    it.each([
      ['unknown', 'x-webkit-deflate-frame'],
      ['several', 'foo, bar; baz=2; quux="x"'],
    ])('a client that offers %s extensions, and agrees to none it does not know', async (_, offer) => {
      const client = await suite.open({ headers: { 'sec-websocket-extensions': offer } })
      expect((await client.answer).headers).not.toHaveProperty('sec-websocket-extensions')
      await suite.works(client)
      await suite.leave(client)
    })
  })

  describe('refuses (RFC 6455 §4.2.1, §4.4)', () => {
    const key = (value: string | string[] | undefined) => ({ 'sec-websocket-key': value })
    const version = (value: string | undefined) => ({ 'sec-websocket-version': value })

    it.each<Case>([
      headers('no Sec-WebSocket-Key', key(undefined)),
      headers('an empty key', key('')),
      headers('a key of 15 bytes', key(Buffer.alloc(15).toString('base64'))),
      headers('a key of 17 bytes', key(Buffer.alloc(17).toString('base64'))),
      headers('a key that is not base64', key('*hlIHNhbXBsZSBub25jZQ==')),
      headers('a key without its padding', key('dGhlIHNhbXBsZSBub25jZQ')),
      headers('a key of 8 KB', key('A'.repeat(8192))),
      headers('two keys', key(['dGhlIHNhbXBsZSBub25jZQ==', 'dGhlIHNhbXBsZSBub25jZQ=='])),
      headers('no Host', { host: undefined }),
      headers('a broken list of subprotocols', { 'sec-websocket-protocol': 'chat,,superchat' }),
      headers('a subprotocol that is no word', { 'sec-websocket-protocol': 'super chat' }),
    ])('%s with 400', async (_, more) => {
      const client = suite.dial()
      client.write(suite.handshake(more))
      expect((await client.answer).status).toBe(400)
      expect(await client.ended).toBe('end')
      await suite.stillServes()
    })

    it.each<Case>([
      headers('no version', version(undefined)),
      headers('an empty version', version('')),
      headers('the version before', version('12')),
      headers('a draft', version('8')),
      headers('the version after', version('14')),
      headers('version 0', version('0')),
      headers('a version with a leading zero', version('013')),
      headers('a version in hexadecimals', version('0xd')),
      headers('a version that is no number', version('thirteen')),
      headers('several versions', version('13, 8')),
      headers('another protocol in Upgrade', { upgrade: 'h2c' }),
      headers('a word that only begins like websocket', { upgrade: 'websockets' }),
      ['HTTP/1.0', { version: '1.0' }],
    ])('%s with 426, and says which it speaks', async (_, more) => {
      const client = suite.dial()
      client.write(suite.handshake(more))
      const { status, headers: answer } = await client.answer
      expect([status, answer['sec-websocket-version'], answer.upgrade]).toEqual([426, '13', 'websocket'])
      expect(await client.ended).toBe('end')
      expect(client.body).toMatch(/"message":"[^"]*WebSocket/)
      await suite.stillServes()
    })

    // What is no upgrade to HTTP is an ordinary request.
    it.each<Case>([
      headers('no Upgrade', { upgrade: undefined }),
      headers('an empty Upgrade', { upgrade: '' }),
      headers('no Connection', { connection: undefined }),
      headers('a Connection that only keeps alive', { connection: 'keep-alive' }),
      headers('a word that only begins like upgrade', { connection: 'upgrades' }),
      headers('neither', { upgrade: undefined, connection: undefined }),
      ['POST', { method: 'POST' }],
      ['PUT', { method: 'PUT' }],
      ['HEAD', { method: 'HEAD' }],
      ['OPTIONS', { method: 'OPTIONS' }],
      ['an unknown path', { path: '/ws/nowhere/x' }],
    ])('%s', async (_, more) => {
      const client = suite.dial()
      client.write(suite.handshake(more))
      const { status } = await client.answer
      expect(status).toBeGreaterThanOrEqual(400)
      expect(status).toBeLessThan(500)
      client.destroy()
      await suite.stillServes()
    })
  })

  it('any values of its headers get an answer, and the server lives', async () => {
    const value = fc.oneof(
      fc.constantFrom(
        '',
        ' ',
        ',',
        ';',
        '"',
        '=',
        '%',
        '%00',
        '%ed%a0%80',
        '\xff',
        '\t',
        'null',
        '::1',
        '[',
        'http://[',
      ),
      // What may stand in a header at all; a line break would end it.
      fc.string({ unit: fc.integer({ min: 32, max: 255 }).map((code) => String.fromCharCode(code)), maxLength: 30 }),
    )
    const names = [
      'origin',
      'cookie',
      'host',
      'connection',
      'upgrade',
      'x-forwarded-for',
      'x-forwarded-host',
      'x-request-id',
      'sec-websocket-key',
      'sec-websocket-version',
      'sec-websocket-protocol',
      'sec-websocket-extensions',
    ]
    const cookie = value.map((text) => `parley_session=${text}`)
    const given = fc.uniqueArray(
      fc.tuple(fc.constantFrom(...names), fc.oneof({ weight: 3, arbitrary: value }, cookie)),
      { selector: ([name]) => name, minLength: 1, maxLength: 3 },
    )
    const statuses = new Set<number>()
    await fc.assert(
      fc.asyncProperty(given, async (headers) => {
        const client = suite.dial()
        client.write(suite.handshake({ headers: Object.fromEntries(headers) }))
        const { status } = await client.answer
        statuses.add(status)
        expect([101, 400, 404, 426]).toContain(status)
        client.destroy()
      }),
      { numRuns: 150 },
    )
    // Neither all harmless nor all fatal.
    expect([...statuses]).toEqual(expect.arrayContaining([101, 400, 426]))
    await suite.stillServes()
  })

  describe('the bytes around the handshake', () => {
    it('may come one by one', async () => {
      const client = suite.dial()
      for (const byte of suite.handshake()) {
        client.write(Uint8Array.of(byte))
        await turn()
      }
      expect((await client.answer).status).toBe(101)
      for (const _ of suite.door.hello) await client.next()
      await suite.works(client)
      await suite.leave(client)
    })

    it('may have frames right behind them', async () => {
      const client = suite.dial()
      client.write(suite.handshake(), ping('early'), text(suite.question))
      for (const type of suite.door.hello) expect(suite.door.typeOf(await client.next([1, 2]))).toBe(type)
      await suite.answered(client)
      expect(client.frames.filter(({ opcode }) => opcode === 10).map(({ payload }) => payload.toString())).toEqual([
        'early',
      ])
      await suite.leave(client)
    })

    it('may have half a frame right behind them, and the rest later', async () => {
      const bytes = text(suite.question)
      const client = suite.dial()
      client.write(suite.handshake(), bytes.subarray(0, 7))
      expect((await client.answer).status).toBe(101)
      client.write(bytes.subarray(7))
      for (const _ of suite.door.hello) await client.next()
      await suite.answered(client)
      await suite.leave(client)
    })

    it.each<[string, Uint8Array | string]>([
      ['a second handshake', 'GET / HTTP/1.1\r\nhost: x\r\n\r\n'],
      ['nonsense', Uint8Array.of(0xff, 0xff, 0xff, 0xff)],
    ])('fail the connection when %s follows them', async (_, more) => {
      const client = suite.dial()
      client.write(suite.handshake(), Buffer.from(more as Uint8Array))
      expect((await client.answer).status).toBe(101)
      await suite.failed(client, 1002)
    })

    it('may follow an ordinary request on the same connection', async () => {
      const client = suite.dial()
      client.write(Buffer.from('GET /health/liveness HTTP/1.1\r\nhost: parley.test\r\n\r\n'))
      expect((await client.answer).status).toBe(200)
      client.destroy()
    })
  })
})
