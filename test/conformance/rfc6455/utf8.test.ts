import { describe, expect, it } from 'vitest'
import { binary, fragments, opcodes, text } from '#test/support/raw-frames.ts'
import { dataOpcodes, forEveryDoor } from './suite.ts'

const bytes = (hex: string) => Buffer.from(hex.replaceAll(' ', ''), 'hex')

/** Texts of Unicode, as bytes: first and last of every length, and those that look forbidden and are not. */
const valid: [string, string][] = [
  ['U+0000', '00'],
  ['U+007F', '7f'],
  ['U+0080', 'c2 80'],
  ['U+07FF', 'df bf'],
  ['U+0800', 'e0 a0 80'],
  ['U+D7FF, before the surrogates', 'ed 9f bf'],
  ['U+E000, after them', 'ee 80 80'],
  ['U+FEFF, the byte order mark', 'ef bb bf'],
  ['U+FFFD', 'ef bf bd'],
  ['U+FFFF', 'ef bf bf'],
  ['U+10000', 'f0 90 80 80'],
  ['U+10FFFF, the last', 'f4 8f bf bf'],
  ['marks that combine', '65 cc 81 cc 82'],
  ['many alphabets', Buffer.from('κόσμε 세계 नमस्ते مرحبا 👩‍👩‍👧').toString('hex')],
]

const invalid: [string, string][] = [
  ['a continuation alone', '80'],
  ['the last continuation alone', 'bf'],
  ['FE', 'fe'],
  ['FF', 'ff'],
  ['NUL in two bytes', 'c0 80'],
  ['a slash in two bytes', 'c0 af'],
  ['U+007F in two bytes', 'c1 bf'],
  ['a slash in three bytes', 'e0 80 af'],
  ['U+07FF in three bytes', 'e0 9f bf'],
  ['a slash in four bytes', 'f0 80 80 af'],
  ['U+FFFF in four bytes', 'f0 8f bf bf'],
  ['U+D800', 'ed a0 80'],
  ['U+DFFF', 'ed bf bf'],
  ['a pair of surrogates', 'ed a0 bd ed b8 80'],
  ['U+110000', 'f4 90 80 80'],
  ['F5', 'f5 80 80 80'],
  ['five bytes', 'f8 88 80 80 80'],
  ['six bytes', 'fc 84 80 80 80 80'],
  ['one of two bytes', 'c2'],
  ['one of three bytes', 'e2'],
  ['two of three bytes', 'e2 82'],
  ['three of four bytes', 'f0 9f 91'],
  ['two of three, then a letter', 'e2 82 41'],
  ['a start within a character', 'e2 c2 80'],
]

forEveryDoor((suite) => {
  const { door } = suite
  /** The text as a part of what the door understands. */
  const within = (payload: Uint8Array) =>
    Buffer.concat([Buffer.from('{"say":"'), payload, Buffer.from(`",${door.question.slice(1)}`)])

  describe('texts (RFC 6455 §8.1, RFC 3629)', () => {
    it.each(valid)('takes %s', async (name, hex) => {
      const client = await suite.open()
      // JSON has its own view of control characters.
      client.write(text(name === 'U+0000' ? bytes(hex) : within(bytes(hex))))
      const wanted = name === 'U+0000' ? door.junkAnswer : door.answer
      expect(door.typeOf(await client.next(dataOpcodes))).toBe(wanted)
      await suite.leave(client)
    })

    it('takes characters cut between frames at any place', async () => {
      const payload = Buffer.from(door.question)
      const client = await suite.open()
      for (let at = 0; at <= payload.length; at++) {
        client.write(...fragments(opcodes.text, [payload.subarray(0, at), payload.subarray(at)]))
        await suite.answered(client)
      }
      await suite.leave(client)
    })

    it('takes characters in frames of one byte', async () => {
      const client = await suite.open()
      const pieces = [...Buffer.from(door.question)].map((byte) => Uint8Array.of(byte))
      client.write(...fragments(opcodes.text, pieces))
      await suite.answered(client)
      await suite.leave(client)
    })

    it('takes as bytes what would be no text', async () => {
      const client = await suite.open()
      client.write(binary(Uint8Array.of(0xc1, 0xff)))
      expect(door.typeOf(await client.next(dataOpcodes))).toBe(door.bytesAnswer)
      await suite.works(client)
      await suite.leave(client)
    })

    it.each(invalid)('fails at %s with 1007', async (_, hex) => {
      const payload = bytes(hex)
      for (const frames of [
        [text(payload)],
        [text(within(payload))],
        fragments(opcodes.text, [payload.subarray(0, 1), '', payload.subarray(1)]),
      ]) {
        const client = await suite.open()
        client.write(...frames)
        await suite.failed(client, 1007)
      }
    })

    it('fails at a character that its second fragment spoils', async () => {
      const client = await suite.open()
      client.write(...fragments(opcodes.text, [bytes('ce'), bytes('41')]))
      await suite.failed(client, 1007)
    })
  })
})
