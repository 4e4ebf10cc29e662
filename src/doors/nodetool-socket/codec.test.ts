import { decode, encode } from '@msgpack/msgpack'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AppError } from '#errors/index.ts'
import { decodeBytes, encodeBytes, type Mode, speech, whole } from './codec.ts'

const bytes = (...parts: (number | string | Uint8Array)[]) =>
  Buffer.concat(parts.map((part) => (typeof part === 'number' ? Buffer.of(part) : Buffer.from(part))))
/** {"a": <what the bytes are>} */
const mapOf = (...value: (number | string | Uint8Array)[]) => bytes(0x81, 0xa1, 'a', ...value)
const refusal = (data: string | Buffer) => {
  try {
    return decodeBytes(data)
  } catch (thrown) {
    return thrown
  }
}
const isRefused = (thrown: unknown, words: RegExp) => {
  expect(thrown).toBeInstanceOf(AppError)
  expect(thrown).toMatchObject({ code: 'invalid-request', details: { field: 'frame', reason: 'malformed' } })
  expect((thrown as AppError).message).toMatch(words)
}
const frames = fc
  .dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue({ maxDepth: 5, stringUnit: 'grapheme' }))
  .map((frame) => JSON.stringify(frame))
  .filter((text) => !text.includes('__proto__'))
  .map((text) => JSON.parse(text) as Record<string, unknown>)

describe('a frame of a client', () => {
  it('is read from MessagePack and from JSON alike', () =>
    fc.assert(
      fc.property(frames, (frame) => {
        expect(decodeBytes(Buffer.from(encode(frame)))).toEqual(frame)
        expect(decodeBytes(JSON.stringify(frame))).toEqual(frame)
      }),
    ))

  it.each<[string, Buffer, RegExp]>([
    ['nothing', bytes(), /ends too early/],
    ['an array said to have 4 billion entries', mapOf(0xdd, 0xff, 0xff, 0xff, 0xff), /claims more than it has/],
    [
      'a map said to have 2 billion pairs',
      bytes(0xdf, 0x7f, 0xff, 0xff, 0xff, 0xa1, 'a', 1),
      /claims more than it has/,
    ],
    ['text of 4 GB', mapOf(0xdb, 0xff, 0xff, 0xff, 0xff, 'x'), /ends too early/],
    ['bytes of 4 GB', mapOf(0xc6, 0xff, 0xff, 0xff, 0xff, 'x'), /ends too early/],
    ['a cut number', mapOf(0xcf, 1, 2), /ends too early/],
    ['a cut map', bytes(0x82, 0xa1, 'a', 1), /claims more|ends too early/],
    ['two values', bytes(0x80, 0x80), /goes on after its end/],
    ['a timestamp', mapOf(0xd6, 0xff, 0, 0, 0, 0), /extension type/],
    ['an extension of 4 GB', mapOf(0xc9, 0xff, 0xff, 0xff, 0xff, 1), /extension type/],
    ['the byte that is none', mapOf(0xc1), /extension type/],
    ['the key __proto__', bytes(0x81, 0xa9, '__proto__', 0x80), /key that is not allowed/],
    ['a number as key', bytes(0x81, 1, 1), /key that is not text/],
    ['a map as key', bytes(0x81, 0x80, 1), /key that is not text/],
    ['a key twice', bytes(0x82, 0xa1, 'a', 1, 0xa1, 'a', 2), /same key twice/],
    ['a key twice, written in two ways', bytes(0x82, 0xa1, 'a', 1, 0xd9, 1, 'a', 2), /same key twice/],
    ['not a number', mapOf(0xcb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0), /number that is none/],
    ['infinity', mapOf(0xca, 0x7f, 0x80, 0, 0), /number that is none/],
    ['half a character', mapOf(0xa1, 0xc3), /not UTF-8/],
    ['a lone surrogate', mapOf(0xa3, 0xed, 0xa0, 0x80), /not UTF-8/],
    ['a key that is no text', bytes(0x81, 0xa1, 0xff, 1), /not UTF-8/],
    ['65 arrays in each other', mapOf(...Array.from({ length: 65 }, () => 0x91), 1), /nested too deeply/],
    ['100,000 empty maps', mapOf(0xdd, 0, 1, 0x86, 0xa0, Buffer.alloc(100_000, 0x80)), /more than 100000 values/],
    ['a list', bytes(0x90), /must be an object/],
    ['bytes', bytes(0xc4, 1, 0), /must be an object/],
    ['nil', bytes(0xc0), /must be an object/],
  ])('is refused as MessagePack of %s', (_, frame, words) => isRefused(refusal(frame), words))

  it.each<[string, string, RegExp]>([
    ['nothing', '', /not valid JSON/],
    ['half of it', '{"type":', /not valid JSON/],
    ['a number that is none', '{"a":NaN}', /not valid JSON/],
    ['a list', '[]', /must be an object/],
    ['text', '"ping"', /must be an object/],
    ['the key __proto__', '{"a":[{"__proto__":{}}]}', /key that is not allowed/],
    ['65 arrays in each other', `{"a":${'['.repeat(65)}${']'.repeat(65)}}`, /nested too deeply/],
    ['200,000 empty maps', `{"a":[${'{},'.repeat(200_000)}1]}`, /more than 100000 values/],
    ['10,000 maps in each other', '{"a":'.repeat(10_000) + 1 + '}'.repeat(10_000), /nested too deeply/],
  ])('is refused as JSON of %s', (_, frame, words) => isRefused(refusal(frame), words))

  it('may be as deep as both allow', () => {
    const deep = `{"a":${'['.repeat(63)}${']'.repeat(63)}}`
    expect(decodeBytes(Buffer.from(encode(JSON.parse(deep))))).toEqual(decodeBytes(deep))
  })

  it('of random bytes is read or refused, and nothing else happens', () =>
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (random) => {
        const read = refusal(Buffer.from(random))
        if (read instanceof Error) isRefused(read, /./)
        else expect(read).toBeTypeOf('object')
      }),
      { numRuns: 2_000 },
    ))

  it('with a few bytes changed is read or refused, and nothing else happens', () =>
    fc.assert(
      fc.property(frames, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }), (frame, changes) => {
        const changed = Buffer.from(encode(frame))
        for (const [at, to] of changes) changed[at % changed.length] = to
        const read = refusal(changed)
        if (read instanceof Error) isRefused(read, /./)
      }),
      { numRuns: 1_000 },
    ))
})

describe('a frame of the server', () => {
  const both: Mode[] = ['text', 'binary']
  const read = (data: string | Uint8Array) => (typeof data === 'string' ? JSON.parse(data) : decode(data))

  it.each(both)('is what it was, in %s', (mode) =>
    fc.assert(
      fc.property(frames, ({ head: _, ...said }) => {
        // A piece of text is known by its head.
        expect(read(encodeBytes(said, mode))).toEqual(said)
      }),
    ),
  )

  it.each(both)('that is a piece of text is what it was, in %s', (mode) => {
    const head = { type: 'chunk', node_id: null, content_metadata: {}, done: false, part: 3, turn_id: 'turn-1' }
    const texts = [0, 1, 31, 32, 255, 256, 65_535, 65_536, 70_000].map((length) => 'x'.repeat(length))
    for (const content of [...texts, 'ä', '한국어', '🙂'.repeat(20), '"\\\n\0'])
      for (const seq of [1, 128, 2 ** 31]) {
        const delta = { head, content, seq }
        expect(read(encodeBytes(delta, mode))).toEqual(whole(delta))
      }
  })

  it('in MessagePack never has what a strict reader refuses', () => {
    const strict = (data: string | Uint8Array) => decodeBytes(Buffer.from(data as Uint8Array))
    expect(strict(encodeBytes({ head: { a: '\ud800' }, content: 'x\ud800y', seq: 1 }, 'binary'))).toEqual({
      a: '\ufffd',
      content: 'x\ufffdy',
      seq: 1,
    })
    expect(strict(encodeBytes({ '\udc00': ['\ud800'], n: Number.NaN, gone: undefined }, 'binary'))).toEqual({
      '\ufffd': ['\ufffd'],
      n: null,
    })
    const args = JSON.parse('{"__proto__":{"a":1},"b":[{"__proto__":1}]}') as object
    expect(strict(encodeBytes({ args }, 'binary'))).toEqual({ args: { b: [{}] } })
    let deep: unknown = 1
    for (let level = 0; level < 10_000; level++) deep = [deep]
    expect(encodeBytes({ deep }, 'binary').length).toBeLessThan(200)
  })
})

describe('the encoding a client is spoken to in', () => {
  it('is binary first, then the client’s last', () => {
    const one = speech()
    expect(one.mode).toBe('binary')
    for (const mode of ['text', 'binary', 'text', 'text'] as const) {
      one.heard(mode)
      expect(one.mode).toBe(mode)
    }
  })

  it('is what it asked for, until it speaks differently than when it asked', () => {
    const one = speech()
    one.heard('text')
    one.force('binary')
    one.heard('text')
    expect(one.mode).toBe('binary')
    one.heard('binary')
    one.heard('text')
    expect(one.mode).toBe('text')
  })
})
