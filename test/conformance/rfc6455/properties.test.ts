import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { close, fragments, frame, opcodes, ping, pong } from '#test/support/raw-frames.ts'
import type { RawWebSocket } from '#test/support/raw-websocket.ts'
import { dataOpcodes, forEveryDoor, payloadsOf } from './suite.ts'

const mask = fc.uint8Array({ minLength: 4, maxLength: 4 })
const small = fc.uint8Array({ maxLength: 125 })
const control = fc.record({ kind: fc.constantFrom('ping' as const, 'pong' as const), payload: small, mask })
const message = fc.record({
  kind: fc.constantFrom('question' as const, 'junk' as const, 'bytes' as const),
  /** Where it is cut, as shares of its length; equal ones make empty fragments. */
  cuts: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 4 }),
  /** Before each fragment. */
  between: fc.array(fc.array(control, { maxLength: 2 }), { maxLength: 4 }),
  mask,
  lengthBits: fc.constantFrom(undefined, 16 as const, 64 as const),
})
const script = fc.record({
  messages: fc.array(message, { minLength: 1, maxLength: 8 }),
  after: fc.array(control, { maxLength: 3 }),
  /** Where TCP cuts the whole. */
  segments: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 6 }),
  code: fc.oneof(fc.constantFrom(1000, 1001, 1011), fc.integer({ min: 3000, max: 4999 })),
  reason: fc.string({ unit: 'grapheme', maxLength: 20 }),
})
type Script = typeof script extends fc.Arbitrary<infer S> ? S : never
type Control = typeof control extends fc.Arbitrary<infer C> ? C : never

function cutAt(bytes: Uint8Array, shares: readonly number[]): Uint8Array[] {
  const places = shares.map((share) => Math.floor(share * bytes.length)).sort((a, b) => a - b)
  return [0, ...places].map((from, index) => bytes.subarray(from, places[index] ?? bytes.length))
}

const controlFrame = ({ kind, payload, mask }: Control) => (kind === 'ping' ? ping : pong)(payload, { mask })

/** What is sent, without the close at its end. */
function bytesOf({ messages, after }: Script, contents: Record<Script['messages'][number]['kind'], Buffer>): Buffer {
  const frames = messages.flatMap(({ kind, cuts, between, mask, lengthBits }) => {
    const opcode = kind === 'bytes' ? opcodes.binary : opcodes.text
    // A control frame's own length has no other form; a message's may have.
    const cut = fragments(opcode, cutAt(contents[kind], cuts), { mask, ...(lengthBits && { lengthBits }) })
    return cut.flatMap((piece, index) => [...(between[index] ?? []).map(controlFrame), piece])
  })
  return Buffer.concat([...frames, ...after.map(controlFrame)])
}

/** The payloads of the pings, in the order in which they stand in the bytes. */
function pingsOf({ messages, after }: Script): string[] {
  const all = messages.flatMap(({ cuts, between }) => between.slice(0, cuts.length + 1).flat())
  return [...all, ...after]
    .filter(({ kind }) => kind === 'ping')
    .map(({ payload }) => Buffer.from(payload).toString('latin1'))
}

async function writeInPieces(client: RawWebSocket, bytes: Uint8Array, shares: readonly number[]): Promise<void> {
  for (const piece of cutAt(bytes, shares)) {
    client.write(piece)
    await turn()
  }
}

forEveryDoor((suite) => {
  const { door } = suite
  const contents = {
    question: Buffer.from(door.question),
    junk: Buffer.from('~ é ~'),
    bytes: Buffer.from([0xc1, 0xff]),
  }
  const answers = { question: door.answer, junk: door.junkAnswer, bytes: door.bytesAnswer }

  describe('any script', () => {
    it('that keeps the rules gets the answers of its messages, the pongs of its pings, and its close back', async () => {
      await fc.assert(
        fc.asyncProperty(script, async (given) => {
          const client = await suite.open()
          await writeInPieces(client, bytesOf(given, contents), given.segments)
          const said: string[] = []
          for (const _ of given.messages) said.push(door.typeOf(await client.next(dataOpcodes)))
          expect(said).toEqual(given.messages.map(({ kind }) => answers[kind]))
          client.write(close(given.code, given.reason))
          expect(await client.closing()).toEqual({ code: given.code, reason: given.reason })
          expect(await client.ended).toBe('end')
          expect(payloadsOf(client.frames, opcodes.pong)).toEqual(pingsOf(given))
          expect(client.frames).toHaveLength(door.hello.length + said.length + pingsOf(given).length + 1)
        }),
        { numRuns: 100 },
      )
    })

    it('may be damaged anywhere: the server stays within the RFC, and lives', async () => {
      const damage = fc.record({
        at: fc.double({ min: 0, max: 1, noNaN: true }),
        away: fc.nat(6),
        instead: fc.uint8Array({ maxLength: 6 }),
      })
      let closed = 0
      await fc.assert(
        fc.asyncProperty(script, fc.array(damage, { minLength: 1, maxLength: 3 }), async (given, damages) => {
          let bytes = Buffer.concat([bytesOf(given, contents), close(given.code)])
          for (const { at, away, instead } of damages) {
            const place = Math.floor(at * bytes.length)
            bytes = Buffer.concat([bytes.subarray(0, place), instead, bytes.subarray(place + away)])
          }
          if (await endsWell(bytes, given.segments)) closed++
        }),
        { numRuns: 200 },
      )
      expect(closed).toBeGreaterThan(20)
      await suite.stillServes()
    })

    it('may be mere noise: the server stays within the RFC, and lives', async () => {
      const noise = fc.oneof(
        fc.uint8Array({ minLength: 1, maxLength: 300 }),
        // A head that is taken, so that what follows is read as more than a head.
        fc
          .record({
            opcode: fc.constantFrom(0, 1, 2, 8, 9, 10),
            fin: fc.boolean(),
            payload: fc.uint8Array({ maxLength: 130 }),
            rest: fc.uint8Array({ maxLength: 60 }),
          })
          .map(({ rest, ...parts }) => Buffer.concat([frame(parts), rest])),
      )
      let closed = 0
      await fc.assert(
        fc.asyncProperty(
          noise,
          fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 3 }),
          async (bytes, cuts) => {
            if (await endsWell(bytes, cuts)) closed++
          },
        ),
        { numRuns: 200 },
      )
      expect(closed).toBeGreaterThan(60)
      await suite.stillServes()
    })
  })

  const mayBeSaid = [undefined, 1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014]

  /** The server ends what was begun so; true when it said why. What it says is well-formed, or the reader throws. */
  async function endsWell(bytes: Uint8Array, cuts: readonly number[]): Promise<boolean> {
    const client = await suite.open()
    await writeInPieces(client, bytes, cuts)
    client.socket.end()
    await client.ended
    const last = client.frames.at(-1)
    if (last?.opcode !== opcodes.close) return false
    const code = last.payload.length === 0 ? undefined : last.payload.readUInt16BE(0)
    if (code === undefined || code < 3000) expect(mayBeSaid).toContain(code)
    return true
  }
})
