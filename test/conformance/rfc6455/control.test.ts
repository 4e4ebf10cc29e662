import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it, vi } from 'vitest'
import { close, frame, opcodes, ping, pong, text } from '#test/support/raw-frames.ts'
import type { RawWebSocket } from '#test/support/raw-websocket.ts'
import { forEveryDoor, payloadsOf } from './suite.ts'

/** A close frame with these bytes. */
const closing = (...bytes: number[]) => frame({ opcode: opcodes.close, payload: Uint8Array.from(bytes) })

forEveryDoor((suite) => {
  const { question } = suite

  describe('ping and pong (RFC 6455 §5.5.2, §5.5.3)', () => {
    it.each<[string, Buffer]>([
      ['nothing', Buffer.alloc(0)],
      ['one byte', Buffer.from('x')],
      ['bytes that are no text', Buffer.from([0, 0xff, 0xfe, 0xc0, 0x80])],
      ['125 bytes', Buffer.alloc(125, 0xa5)],
    ])('answers a ping of %s with the same', async (_, payload) => {
      const client = await suite.open()
      client.write(ping(payload))
      expect((await client.next(opcodes.pong)).payload.equals(payload)).toBe(true)
      await suite.leave(client)
    })

    it.each<[string, Buffer]>([
      ['a ping of 126 bytes', ping(Buffer.alloc(126))],
      ['a ping of 65,536 bytes', ping(Buffer.alloc(65_536))],
      ['a short ping with a length of 16 bits', ping('x', { lengthBits: 16 })],
      ['a short ping with a length of 64 bits', ping('x', { lengthBits: 64 })],
      ['a pong of 126 bytes', pong(Buffer.alloc(126))],
    ])('fails at %s', async (_, bytes) => {
      const client = await suite.open()
      client.write(bytes)
      await suite.failed(client, 1002)
    })

    it.each<[string, Buffer]>([
      ['an empty pong', pong()],
      ['a pong with 125 bytes', pong(Buffer.alloc(125, 1))],
    ])('passes over %s that nobody asked for', async (_, bytes) => {
      const client = await suite.open()
      client.write(bytes, bytes, ping('then'))
      expect((await client.next()).payload.toString()).toBe('then')
      await suite.works(client)
      await suite.leave(client)
    })

    it('answers many pings in order', async () => {
      const client = await suite.open()
      const payloads = Array.from({ length: 500 }, (_, index) => `ping ${index}`)
      // Each after the pong before it, as a patient client does.
      for (const payload of payloads) {
        client.write(ping(payload))
        await client.next(opcodes.pong)
      }
      expect(payloadsOf(client.frames, opcodes.pong)).toEqual(payloads)
      await suite.leave(client)
    })

    it('does not keep pongs for a peer that does not read them', async () => {
      const client = await suite.open()
      client.socket.pause()
      const flood = Buffer.concat(Array.from({ length: 1_000 }, () => ping(Buffer.alloc(125))))
      // 50 MB, more than all buffers between: the server does not read on, or lets go.
      for (let sent = 0; sent < 400 && !client.socket.destroyed; sent++) {
        const taken = new Promise((resolve) => client.socket.once('drain', resolve))
        if (!client.socket.write(flood)) await Promise.race([taken, client.gone])
      }
      client.socket.resume()
      await client.gone
      await suite.stillServes()
    })
  })

  describe('the closing handshake (RFC 6455 §5.5.1, §7)', () => {
    it('answers an empty close with an empty one', async () => {
      const client = await suite.open()
      client.write(close())
      expect(await client.closing()).toEqual({ code: undefined, reason: '' })
      expect(await client.ended).toBe('end')
      await suite.stillServes()
    })

    it.each([1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999])(
      'answers code %i with the same',
      async (code) => {
        const client = await suite.open()
        client.write(close(code))
        expect((await client.closing()).code).toBe(code)
        expect(await client.ended).toBe('end')
      },
    )

    it.each<[string, string]>([
      ['a short reason', 'so long'],
      ['a reason of many alphabets', 'κόσμε 세계 👋'],
      ['the longest reason', 'x'.repeat(123)],
    ])('answers %s', async (_, reason) => {
      const client = await suite.open()
      client.write(close(1000, reason))
      expect((await client.closing()).code).toBe(1000)
      expect(await client.ended).toBe('end')
    })

    it.each([0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535])(
      'fails at code %i, which nobody may send',
      async (code) => {
        const client = await suite.open()
        client.write(close(code))
        await suite.failed(client, 1002)
      },
    )

    it.each<[string, Buffer]>([
      ['half a code', closing(3)],
      ['a reason that makes it longer than 125 bytes', close(1000, 'x'.repeat(124))],
    ])('fails at %s', async (_, bytes) => {
      const client = await suite.open()
      client.write(bytes)
      await suite.failed(client, 1002)
    })

    it.each<[string, number[]]>([
      ['a byte that is never text', [0xff]],
      ['a surrogate', [0xed, 0xa0, 0x80]],
      ['half a character', [0x78, 0xe2, 0x82]],
      ['a character written too long', [0xc0, 0xaf]],
    ])('fails at a reason with %s with 1007', async (_, reason) => {
      const client = await suite.open()
      client.write(close(1000, Uint8Array.from(reason)))
      await suite.failed(client, 1007)
    })

    it.each<[string, Buffer[]]>([
      ['a ping', [ping('late')]],
      ['a message', [text(question)]],
      ['a second close', [close(1001)]],
      ['a violation', [frame({ opcode: 3 })]],
      ['a frame over the limit', [text(Buffer.alloc(1024 * 1024 + 1, 0x20))]],
    ])('passes over %s after the close', async (_, bytes) => {
      const client = await suite.open()
      client.write(close(1000), ...bytes)
      expect((await client.closing()).code).toBe(1000)
      expect(await client.ended).toBe('end')
      expect(client.frames.map(({ opcode }) => opcode).filter((opcode) => opcode !== opcodes.text)).toEqual([8])
    })

    it('closes on its own side, and ends TCP when that is answered', async () => {
      const client = await refused()
      expect(await client.closing()).toEqual({ code: 1008, reason: suite.door.refusal })
      client.write(close(1008))
      expect(await client.ended).toBe('end')
    })

    it('answers nothing that a peer says after it was told to go', async () => {
      const client = await refused()
      await client.closing()
      client.write(ping('late'), text(question), close(1008))
      expect(await client.ended).toBe('end')
      expect(client.frames.map(({ opcode }) => opcode)).toEqual([opcodes.close])
    })

    it('drops a peer that never answers the close', async () => {
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
      try {
        const client = await refused()
        await client.closing()
        // It ended nothing yet: the peer has its time.
        vi.advanceTimersByTime(1_000)
        client.write(ping())
        vi.advanceTimersByTime(60_000)
        await client.ended
      } finally {
        vi.useRealTimers()
      }
      await suite.stillServes()
    })

    it('drops a peer that was failed and never ends its side', async () => {
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
      try {
        const client = await suite.open({}, { allowHalfOpen: true })
        client.write(frame({ opcode: 3 }))
        expect((await client.closing()).code).toBe(1002)
        await client.ended
        vi.advanceTimersByTime(60_000)
        // What is written to a connection that is gone comes back as a reset, which the next write tells.
        while (!client.socket.destroyed) {
          client.write(ping())
          await turn()
        }
      } finally {
        vi.useRealTimers()
      }
    })
  })

  /** A connection that the server closes because of a bad token. */
  async function refused(): Promise<RawWebSocket> {
    const client = suite.dial()
    client.write(suite.handshake({ headers: { authorization: 'Bearer nonsense' } }))
    expect((await client.answer).status).toBe(101)
    return client
  }
})
