import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { deflateBomb, deflated, inflated } from '#test/support/raw-deflate.ts'
import { close, continuation, fragments, opcodes, ping, pong, rsv1, text } from '#test/support/raw-frames.ts'
import { dataOpcodes, forEveryDoor } from './suite.ts'

const offered = (extensions: string | string[]) => ({ headers: { 'sec-websocket-extensions': extensions } })
const usual = offered('permessage-deflate; client_max_window_bits')

/** `a; b=1` → its name and parameters. Throws for what is named twice. */
function readAgreement(header: string | undefined): Map<string, string | undefined> | undefined {
  if (header === undefined) return undefined
  const [name, ...given] = header.split(';').map((part) => part.trim())
  if (name !== 'permessage-deflate') throw new Error(`the server agreed to ${header}`)
  const parameters = new Map<string, string | undefined>()
  for (const parameter of given) {
    const [key, value] = parameter.split('=')
    if (parameters.has(key!)) throw new Error(`the server says ${key} twice`)
    parameters.set(key!, value)
  }
  return parameters
}

forEveryDoor((suite) => {
  const { question, door } = suite
  const squeezed = deflated(question)
  const compressed = (payload: Uint8Array = squeezed) => text(payload, { rsv: rsv1 })

  async function agreement(extensions: string | string[]) {
    const client = await suite.open(offered(extensions))
    const agreed = readAgreement((await client.answer).headers['sec-websocket-extensions'])
    await suite.works(client)
    return { client, agreed }
  }

  describe('what is agreed on (RFC 7692 §5, §7.1)', () => {
    it.each<[string, string | string[]]>([
      ['a plain offer', 'permessage-deflate'],
      ['what browsers offer', 'permessage-deflate; client_max_window_bits'],
      ['both sides without context', 'permessage-deflate; server_no_context_takeover; client_no_context_takeover'],
      ['a smaller window of the client', 'permessage-deflate; client_max_window_bits=10'],
      ['a smaller window of the server', 'permessage-deflate; server_max_window_bits=10'],
      ['the smallest window of the server', 'permessage-deflate; server_max_window_bits=8'],
      ['the largest windows', 'permessage-deflate; server_max_window_bits=15; client_max_window_bits=15'],
      ['a quoted value', 'permessage-deflate; server_max_window_bits="12"'],
      ['an offer behind one nobody knows', 'foo; bar=1, permessage-deflate'],
      ['several offers', 'permessage-deflate; server_max_window_bits=10, permessage-deflate'],
      ['offers on two lines', ['x-foo', 'permessage-deflate']],
      ['a good offer behind a bad one', 'permessage-deflate; foo=1, permessage-deflate'],
      ['a good offer behind one with a bad value', 'permessage-deflate; server_max_window_bits=99, permessage-deflate'],
    ])('takes %s', async (_, extensions) => {
      const { client, agreed } = await agreement(extensions)
      // Parley keeps no context between messages, so that an idle socket costs nothing.
      expect(agreed?.has('server_no_context_takeover')).toBe(true)
      const first = [extensions].flat().join()
      for (const [key, value] of agreed!) {
        expect([
          'server_no_context_takeover',
          'client_no_context_takeover',
          'server_max_window_bits',
          'client_max_window_bits',
        ]).toContain(key)
        if (key.endsWith('_bits')) expect(value).toMatch(/^([89]|1[0-5])$/)
        else expect(value).toBeUndefined()
        if (key === 'client_max_window_bits') expect(first).toContain(key)
      }
      const asked = /server_max_window_bits="?(\d+)/.exec(first)?.[1]
      if (asked !== undefined && !first.includes('=99'))
        expect(Number(agreed!.get('server_max_window_bits'))).toBeLessThanOrEqual(Number(asked))
      client.write(compressed())
      await suite.answered(client)
      await suite.leave(client)
    })

    // An offer that cannot be taken is declined; the connection goes on without it (RFC 7692 §7.1).
    it.each([
      ['an unknown parameter', 'permessage-deflate; foo'],
      ['an unknown parameter with a value', 'permessage-deflate; foo=1'],
      ['a window of the server too small', 'permessage-deflate; server_max_window_bits=7'],
      ['a window of the server too large', 'permessage-deflate; server_max_window_bits=16'],
      ['a window of the server without a size', 'permessage-deflate; server_max_window_bits'],
      ['a window that is no number', 'permessage-deflate; server_max_window_bits=x'],
      ['a window of the client too large', 'permessage-deflate; client_max_window_bits=16'],
      ['a value where there is none', 'permessage-deflate; server_no_context_takeover=1'],
      ['one parameter twice', 'permessage-deflate; server_no_context_takeover; server_no_context_takeover'],
      ['another extension', 'permessage-bzip2'],
    ])('declines %s, and goes on without', async (_, extensions) => {
      const { client, agreed } = await agreement(extensions)
      expect(agreed).toBeUndefined()
      client.write(compressed())
      await suite.failed(client, 1002)
    })

    it.each([
      ['an empty list', ',,'],
      ['a parameter without an extension', ';foo'],
      ['an unfinished quotation', 'permessage-deflate; server_max_window_bits="10'],
      ['what is no word', 'permessage deflate'],
    ])('refuses the handshake at %s (RFC 6455 §9.1)', async (_, extensions) => {
      const client = suite.dial()
      client.write(suite.handshake(offered(extensions)))
      expect((await client.answer).status).toBe(400)
      expect(await client.ended).toBe('end')
      await suite.stillServes()
    })
  })

  describe('messages to the server (RFC 7692 §6, §7.2)', () => {
    // Each block of deflate in its own way; RFC 7692 §7.2.3 has the like.
    const bytes = Buffer.from(question)
    const stored = (final: number) => {
      const head = Buffer.from([final, bytes.length, 0, ~bytes.length & 0xff, 0xff])
      return Buffer.concat([head, bytes])
    }
    it.each<[string, Buffer]>([
      ['a usual block', squeezed],
      ['a window of 512 bytes', deflated(question, 9)],
      ['a block that is only stored', Buffer.concat([stored(0), Buffer.from([0])])],
      ['a block marked as the last', Buffer.concat([stored(1), Buffer.from([0])])],
      ['an empty block before it', Buffer.concat([Buffer.from([0, 0, 0, 0xff, 0xff]), squeezed])],
    ])('are taken with %s', async (_, payload) => {
      const client = await suite.open(usual)
      client.write(compressed(payload), compressed(payload), text(question))
      for (let times = 0; times < 3; times++) await suite.answered(client)
      await suite.leave(client)
    })

    it('are taken in fragments, wherever they are cut', async () => {
      const client = await suite.open(usual)
      for (let at = 0; at <= squeezed.length; at++) {
        const [first, last] = fragments(opcodes.text, [squeezed.subarray(0, at), squeezed.subarray(at)])
        first![0]! |= 0x40
        client.write(first!, ping(`${at}`), last!)
        await suite.answered(client)
        expect((await client.next(opcodes.pong)).payload.toString()).toBe(`${at}`)
      }
      await suite.leave(client)
    })

    it('are taken byte by byte', async () => {
      const client = await suite.open(usual)
      for (const byte of compressed()) {
        client.write(Uint8Array.of(byte))
        await turn()
      }
      await suite.answered(client)
      await suite.leave(client)
    })

    it.each<[string, Buffer]>([
      ['nothing', Buffer.alloc(0)],
      ['an empty block', Buffer.from([0])],
    ])('may be empty, as %s', async (_, payload) => {
      const client = await suite.open(usual)
      client.write(compressed(payload))
      expect(door.typeOf(await client.next(dataOpcodes))).toBe(door.junkAnswer)
      await suite.works(client)
      await suite.leave(client)
    })

    it('are answered in order, compressed or not', async () => {
      const client = await suite.open(usual)
      client.write(compressed(), text('?'), compressed(deflated('?')), text(question), compressed())
      const answers: string[] = []
      while (answers.length < 5) answers.push(door.typeOf(await client.next(dataOpcodes)))
      expect(answers).toEqual([door.answer, door.junkAnswer, door.junkAnswer, door.answer, door.answer])
      await suite.leave(client)
    })

    it('may be as large as the limit', async () => {
      const client = await suite.open(usual)
      client.write(compressed(deflated(question + ' '.repeat(1024 * 1024 - bytes.length))))
      await suite.answered(client)
      await suite.leave(client)
    })

    const half = squeezed.length >> 1
    it.each<[string, Buffer[]]>([
      [
        'a continuation',
        [
          text(squeezed.subarray(0, half), { rsv: rsv1, fin: false }),
          continuation(squeezed.subarray(half), { rsv: rsv1 }),
        ],
      ],
      ['a continuation of what is not compressed', [text('{', { fin: false }), continuation('}', { rsv: rsv1 })]],
      ['a ping', [ping(deflated('x'), { rsv: rsv1 })]],
      ['a pong', [pong(deflated('x'), { rsv: rsv1 })]],
      ['a close', [close(1000, '', { rsv: rsv1 })]],
    ])('fail when %s is marked as compressed', async (_, frames) => {
      const client = await suite.open(usual)
      client.write(...frames)
      await suite.failed(client, 1002)
    })

    it.each([1, 2, 3])('fail at reserved bits %i beside it', async (rsv) => {
      const client = await suite.open(usual)
      client.write(text(squeezed, { rsv: rsv1 | rsv }))
      await suite.failed(client, 1002)
    })

    it.each<[string, Buffer]>([
      ['a block of no kind', Buffer.from([0x07, 0, 0])],
      ['a stored block whose lengths differ', Buffer.from([0, 5, 0, 5, 0, 1, 2, 3, 4, 5])],
      ['a reference to before the beginning', Buffer.from([0x02, 0x13, 0, 0])],
      ['text that is not compressed', Buffer.from('~~~ not deflate ~~~')],
      ['nonsense', Buffer.alloc(64, 0xff)],
    ])('fail at %s', async (_, payload) => {
      const client = await suite.open(usual)
      client.write(compressed(payload))
      await suite.failed(client, 1002, 1007)
    })

    it('fail when one leans on the one before it and that was excluded', async () => {
      const client = await suite.open(offered('permessage-deflate; client_no_context_takeover'))
      const { headers } = await client.answer
      expect(headers['sec-websocket-extensions']).toContain('client_no_context_takeover')
      client.write(compressed())
      await suite.answered(client)
      // A match of three bytes, one back: only what came before could be meant.
      client.write(compressed(Buffer.from([0x02, 0x13, 0, 0])))
      await suite.failed(client, 1002, 1007)
    })

    it('fail at what inflates to no text with 1007', async () => {
      const client = await suite.open(usual)
      client.write(compressed(deflated(Uint8Array.of(0x22, 0xed, 0xa0, 0x80, 0x22))))
      await suite.failed(client, 1007)
    })

    it.each<[string, () => Buffer[]]>([
      ['one byte over the limit', () => [compressed(deflated(' '.repeat(1024 * 1024 + 1)))]],
      ['a thousand times its size', () => [compressed(deflateBomb(512))]],
      [
        'too much in two fragments',
        () => {
          const payload = deflateBomb(2)
          const half = payload.length >> 1
          return [text(payload.subarray(0, half), { rsv: rsv1, fin: false }), continuation(payload.subarray(half))]
        },
      ],
    ])('fail at %s with 1009, and fill no memory', async (_, frames) => {
      const bytes = frames()
      const client = await suite.open(usual)
      const before = process.resourceUsage().maxRSS
      client.write(...bytes)
      await suite.failed(client, 1009)
      // The highest it ever was, in KiB; inflated as a whole it would be half a GiB more.
      expect(process.resourceUsage().maxRSS - before).toBeLessThan(128 * 1024)
    })
  })

  describe('messages of the server (RFC 7692 §6.1, §7.2.1)', () => {
    // A pattern that comes again only beyond 256 bytes, so that a window larger than agreed is used when it may.
    const pattern = Array.from({ length: 90 }, (_, index) => ((index * 7919 + 104_729) % 46_649).toString(36)).join(' ')
    const long = Array.from({ length: 12 }, () => pattern).join('. ')

    async function longAnswer(extensions: string, windowBits: number) {
      const client = await suite.open({
        headers: { ...suite.parley.headers, 'sec-websocket-extensions': extensions },
      })
      const agreed = readAgreement((await client.answer).headers['sec-websocket-extensions'])
      client.write(text(await door.chat(suite.parley, long)))
      for (;;) {
        const frame = await client.next(dataOpcodes)
        const payload = frame.compressed ? inflated(frame.payload, windowBits) : frame.payload
        if (payload.length < 1024) expect(frame.compressed).toBe(false)
        if (!payload.includes(`You said: ${long}`)) continue
        await suite.works(client)
        await suite.leave(client)
        return { agreed, compressed: frame.compressed, sent: frame.payload.length }
      }
    }

    it.each([8, 9, 10, 12, 15])('are packed so that a window of 2^%i bytes can unpack them', async (bits) => {
      const { agreed, compressed, sent } = await longAnswer(`permessage-deflate; server_max_window_bits=${bits}`, bits)
      expect(Number(agreed?.get('server_max_window_bits'))).toBeLessThanOrEqual(bits)
      expect(compressed).toBe(true)
      // The smallest window holds no second pattern.
      if (bits >= 10) expect(sent).toBeLessThan(long.length / 2)
    })

    it('are packed, and each can be unpacked alone', async () => {
      const { compressed, sent } = await longAnswer('permessage-deflate; client_max_window_bits', 15)
      expect(compressed).toBe(true)
      expect(sent).toBeLessThan(long.length / 2)
    })
  })
})
