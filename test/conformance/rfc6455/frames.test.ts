import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import {
  binary,
  close,
  continuation,
  type FrameParts,
  fragments,
  frame,
  opcodes,
  ping,
  pong,
  text,
} from '#test/support/raw-frames.ts'
import { dataOpcodes, forEveryDoor, payloadsOf } from './suite.ts'

const limit = 1024 * 1024
/** Cuts a text into `count` pieces of nearly one length. */
const cut = (whole: string, count: number): Buffer[] => {
  const bytes = Buffer.from(whole)
  const at = (index: number) => Math.floor((bytes.length * index) / count)
  return Array.from({ length: count }, (_, index) => bytes.subarray(at(index), at(index + 1)))
}

forEveryDoor((suite) => {
  const { question } = suite
  /** The question as a JSON text of this many bytes. */
  const padded = (length: number) => question + ' '.repeat(length - Buffer.byteLength(question))

  describe('masking (RFC 6455 §5.1, §5.3)', () => {
    it.each<[string, Uint8Array]>([
      ['of zeros', Uint8Array.of(0, 0, 0, 0)],
      ['of ones', Uint8Array.of(255, 255, 255, 255)],
      ['of anything', Uint8Array.of(1, 128, 9, 254)],
    ])('takes a mask %s', async (_, mask) => {
      const client = await suite.open()
      client.write(text(question, { mask }), ping('masked', { mask }))
      await suite.answered(client)
      expect((await client.next(opcodes.pong)).payload.toString()).toBe('masked')
      await suite.leave(client)
    })

    it.each<[string, Buffer]>([
      ['text', text(question, { mask: null })],
      ['an empty text', text('', { mask: null })],
      ['bytes', binary('x', { mask: null })],
      ['a ping', ping('x', { mask: null })],
      ['a pong', pong('', { mask: null })],
      ['a close', close(1000, '', { mask: null })],
    ])('fails when %s comes without a mask', async (_, bytes) => {
      const client = await suite.open()
      client.write(bytes)
      await suite.failed(client, 1002)
    })

    it('fails when only the last fragment has no mask', async () => {
      const client = await suite.open()
      const [first, last] = cut(question, 2)
      client.write(text(first!, { fin: false }), continuation(last!, { mask: null }))
      await suite.failed(client, 1002)
    })
  })

  describe('lengths (RFC 6455 §5.2)', () => {
    it.each([125, 126, 127, 128, 65_535, 65_536, 65_537])('takes a message of %i bytes', async (length) => {
      const client = await suite.open()
      client.write(text(padded(length)))
      await suite.answered(client)
      await suite.leave(client)
    })

    // The shortest form is the sender's duty; nothing is said of a receiver, and there is nothing to misunderstand.
    it.each<[string, FrameParts]>([
      ['a short message with a length of 16 bits', { opcode: 1, lengthBits: 16 }],
      ['a short message with a length of 64 bits', { opcode: 1, lengthBits: 64 }],
    ])('takes %s', async (_, parts) => {
      const client = await suite.open()
      client.write(frame({ ...parts, payload: question }))
      await suite.answered(client)
      await suite.leave(client)
    })

    it('takes a message of exactly the limit, in one frame or in many', async () => {
      const client = await suite.open()
      client.write(text(padded(limit)))
      await suite.answered(client)
      client.write(...fragments(opcodes.text, cut(padded(limit), 20)))
      await suite.answered(client)
      await suite.leave(client)
    })

    it.each<[string, () => Buffer[]]>([
      ['a message of one byte more', () => [text(padded(limit + 1))]],
      ['one byte more as bytes', () => [binary(Buffer.alloc(limit + 1))]],
      ['one byte more in two fragments', () => fragments(opcodes.text, cut(padded(limit + 1), 2))],
      ['one byte more in a hundred fragments', () => fragments(opcodes.text, cut(padded(limit + 1), 100))],
      ['a frame that only says so', () => [frame({ opcode: 1, claims: limit + 1, payload: '' })]],
      ['4 GiB', () => [frame({ opcode: 1, claims: 2n ** 32n, payload: 'x' })]],
      ['2^53 bytes', () => [frame({ opcode: 1, claims: 2n ** 53n, payload: 'x' })]],
      ['2^63 - 1 bytes', () => [frame({ opcode: 1, claims: 2n ** 63n - 1n, payload: 'x' })]],
      [
        '64 KB and a last fragment of 4 GiB',
        () => [text(padded(65_536), { fin: false }), frame({ opcode: 0, claims: 2n ** 32n, payload: 'x' })],
      ],
    ])('fails at %s with 1009', async (_, bytes) => {
      const client = await suite.open()
      client.write(...bytes())
      await suite.failed(client, 1009)
    })

    it.each<[string, bigint]>([
      ['the high bit', 2n ** 63n],
      ['every bit', 2n ** 64n - 1n],
    ])('fails at a length of 64 bits with %s set', async (_, claims) => {
      const client = await suite.open()
      client.write(frame({ opcode: 2, claims, payload: 'x' }))
      await suite.failed(client, 1002, 1009)
    })
  })

  describe('reserved bits and opcodes (RFC 6455 §5.2)', () => {
    it.each([1, 2, 3, 4, 5, 6, 7])('fails at reserved bits %i when no extension was agreed on', async (rsv) => {
      for (const bytes of [text(question, { rsv }), ping('', { rsv }), close(1000, '', { rsv })]) {
        const client = await suite.open()
        client.write(bytes)
        await suite.failed(client, 1002)
      }
    })

    it('fails at a reserved bit in a continuation', async () => {
      const client = await suite.open()
      const [first, last] = cut(question, 2)
      client.write(text(first!, { fin: false }), continuation(last!, { rsv: 4 }))
      await suite.failed(client, 1002)
    })

    it.each([3, 4, 5, 6, 7, 11, 12, 13, 14, 15])('fails at opcode %i', async (opcode) => {
      for (const payload of ['', question]) {
        const client = await suite.open()
        client.write(frame({ opcode, payload }))
        await suite.failed(client, 1002)
      }
    })

    it('answers what came before the violation, and nothing that comes after it', async () => {
      const client = await suite.open()
      client.write(ping('before'), frame({ opcode: 3 }), ping('after'), text(question))
      await suite.failed(client, 1002)
      expect(payloadsOf(client.frames, opcodes.pong)).toEqual(['before'])
    })
  })

  describe('fragments (RFC 6455 §5.4)', () => {
    it.each([2, 3, 5, Buffer.byteLength(question)])('takes a message in %i fragments', async (count) => {
      const client = await suite.open()
      client.write(...fragments(opcodes.text, cut(question, count)))
      await suite.answered(client)
      await suite.leave(client)
    })

    it.each<[string, string[]]>([
      ['first', ['', question]],
      ['last', [question, '']],
      ['between', [question.slice(0, 5), '', '', question.slice(5)]],
      ['everywhere', ['', '', question.slice(0, 5), '', question.slice(5), '', '']],
    ])('takes a message whose %s fragment is empty', async (_, pieces) => {
      const client = await suite.open()
      client.write(...fragments(opcodes.text, pieces))
      await suite.answered(client)
      await suite.leave(client)
    })

    it.each<[string, Buffer[]]>([
      ['an empty text', [text('')]],
      ['an empty text of empty fragments', fragments(opcodes.text, ['', '', ''])],
    ])('takes %s for a text that is no message', async (_, bytes) => {
      const client = await suite.open()
      client.write(...bytes)
      expect(suite.door.typeOf(await client.next(dataOpcodes))).toBe(suite.door.junkAnswer)
      await suite.works(client)
      await suite.leave(client)
    })

    it.each<[string, Buffer[]]>([
      ['empty bytes', [binary('')]],
      ['bytes in one frame', [binary(Uint8Array.of(0xc1, 0xff, 0))]],
      ['bytes in fragments', fragments(opcodes.binary, [Uint8Array.of(0xc1), '', Uint8Array.of(0xff, 0)])],
    ])('takes %s for bytes', async (_, bytes) => {
      const client = await suite.open()
      client.write(...bytes)
      expect(suite.door.typeOf(await client.next(dataOpcodes))).toBe(suite.door.bytesAnswer)
      await suite.works(client)
      await suite.leave(client)
    })

    const { bytesQuestion } = suite.door
    it.runIf(bytesQuestion)('takes a message of bytes in fragments', async () => {
      const client = await suite.open()
      client.write(...fragments(opcodes.binary, [bytesQuestion!.subarray(0, 3), '', bytesQuestion!.subarray(3)]))
      const answer = await client.next(dataOpcodes)
      expect([answer.opcode, suite.door.typeOf(answer)]).toEqual([opcodes.binary, suite.door.answer])
      await suite.leave(client)
    })

    it('answers control frames between fragments at once, without losing the message', async () => {
      const client = await suite.open()
      const [one, two, three] = fragments(opcodes.text, cut(question, 3))
      client.write(one!, ping('a'))
      // The pong comes while the message is still open.
      expect((await client.next()).payload.toString()).toBe('a')
      client.write(pong('nobody asked'), two!, ping(''), ping('b'), three!)
      await suite.answered(client)
      expect(payloadsOf(client.frames, opcodes.pong)).toEqual(['a', '', 'b'])
      await suite.leave(client)
    })

    it('lets go of a half message when the peer closes', async () => {
      const client = await suite.open()
      client.write(text('{"type":', { fin: false }), close(1000))
      expect(await client.closing()).toEqual({ code: 1000, reason: '' })
      expect(await client.ended).toBe('end')
      await suite.stillServes()
    })

    const open = () => text('{', { fin: false })
    it.each<[string, () => Buffer[]]>([
      ['a continuation of nothing', () => [continuation('x')]],
      ['an empty continuation of nothing', () => [continuation('')]],
      ['an unfinished continuation of nothing', () => [continuation('x', { fin: false }), text(question)]],
      ['a continuation after the end of a message', () => [text(question), continuation('x')]],
      ['a text in the middle of a text', () => [open(), text(question)]],
      ['bytes in the middle of a text', () => [open(), binary('x')]],
      ['an unfinished text in the middle of a text', () => [open(), text('x', { fin: false })]],
      ['a text in the middle of bytes', () => [binary('x', { fin: false }), text(question)]],
      ['a text after an empty fragment', () => [text('', { fin: false }), text(question)]],
      ['a cut ping', () => [ping('x', { fin: false })]],
      ['a cut pong', () => [pong('x', { fin: false })]],
      ['a cut close', () => [close(1000, '', { fin: false })]],
      ['a cut ping between fragments', () => [open(), ping('x', { fin: false })]],
    ])('fails at %s', async (_, bytes) => {
      const client = await suite.open()
      client.write(...bytes())
      await suite.failed(client, 1002)
    })
  })

  describe('delivery in pieces', () => {
    it('takes frames byte by byte', async () => {
      const client = await suite.open()
      for (const byte of Buffer.concat([ping('torn'), ...fragments(opcodes.text, cut(question, 2))])) {
        client.write(Uint8Array.of(byte))
        await turn()
      }
      expect((await client.next(opcodes.pong)).payload.toString()).toBe('torn')
      await suite.answered(client)
      await suite.leave(client)
    })

    it.each<[string, Buffer]>([
      ['a length of 7 bits', text(question)],
      ['a length of 16 bits', text(question, { lengthBits: 16 })],
      ['a length of 64 bits', text(question, { lengthBits: 64 })],
    ])('takes a frame with %s cut at any place', async (_, bytes) => {
      const client = await suite.open()
      for (let at = 1; at < bytes.length; at++) {
        client.write(bytes.subarray(0, at))
        await turn()
        client.write(bytes.subarray(at))
        await suite.answered(client)
      }
      await suite.leave(client)
    })

    it('takes many frames in one segment, and answers them in order', async () => {
      const client = await suite.open()
      const pings = Array.from({ length: 20 }, (_, index) => ping(`${index}`))
      client.write(...pings, text(question), text('?'), text(question))
      await suite.answered(client)
      expect(suite.door.typeOf(await client.next(dataOpcodes))).toBe(suite.door.junkAnswer)
      await suite.answered(client)
      expect(payloadsOf(client.frames, opcodes.pong)).toEqual(pings.map((_, index) => `${index}`))
      await suite.leave(client)
    })

    it.each<[string, Buffer]>([
      ['within a head', text(question).subarray(0, 1)],
      ['within a mask', text(question).subarray(0, 4)],
      ['within a payload', text(question).subarray(0, 12)],
      ['between fragments', text('{', { fin: false })],
      ['between frames', Buffer.alloc(0)],
    ])('lets go of a peer that goes %s', async (_, bytes) => {
      const client = await suite.open()
      client.write(bytes)
      client.socket.end()
      expect(await client.ended).toBe('end')
      await suite.stillServes()
    })

    it('lets go of a peer that resets the connection', async () => {
      const client = await suite.open()
      client.write(text(question).subarray(0, 12))
      client.socket.resetAndDestroy()
      await suite.stillServes()
    })
  })

  describe('what would cost much', () => {
    it('bounds the fragments of a message', async () => {
      const client = await suite.open()
      client.write(text('', { fin: false }))
      const tiny = Buffer.concat(Array.from({ length: 1_000 }, () => continuation('x', { fin: false })))
      // Within the limit of bytes, but each fragment costs more than its byte.
      for (let sent = 0; sent < 100 && !client.socket.destroyed; sent++) {
        client.write(tiny)
        await turn()
      }
      await suite.failed(client, 1008)
    })

    it('bounds the pieces a frame is delivered in', async () => {
      const client = await suite.open()
      client.write(frame({ opcode: 1, claims: limit }))
      let isOver = false
      void client.ended.then(() => {
        isOver = true
      })
      const byte = Uint8Array.of(0x20)
      for (let sent = 0; sent < 100_000 && !isOver; sent++) {
        client.socket.write(byte)
        await turn()
      }
      await suite.failed(client, 1008)
    })
  })
})
