import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { deflateBomb } from '#test/support/raw-deflate.ts'
import { continuation, opcodes, ping, pong, rsv1, text } from '#test/support/raw-frames.ts'
import { dataOpcodes, forEveryDoor } from './suite.ts'

/** The clock under the rates stands still: what is used up is not refilled. */
const now = Date.now()
const most = 50

forEveryDoor(
  (suite) => {
    describe('the rate of control frames', () => {
      it.each([
        ['pings', ping],
        ['pongs that nobody asked for', pong],
      ])('drops who sends more than fifty %s a second', async (_, control) => {
        const client = await suite.open()
        for (let sent = 1; sent < most; sent++) client.write(control())
        // The last of its allowance.
        client.write(ping('still there'))
        while ((await client.next(opcodes.pong)).payload.toString() !== 'still there');
        client.write(control())
        await client.gone
        await suite.stillServes()
      })

      it('bounds what hides between the fragments of a message', async () => {
        const client = await suite.open()
        client.write(text('"', { fin: false }))
        const padding = Buffer.concat(Array.from({ length: 470 }, () => pong(Buffer.alloc(125))))
        let sent = 0
        while (!client.socket.destroyed) {
          client.write(continuation('x', { fin: false }), padding)
          sent++
          await Promise.race([client.gone, turn()])
        }
        // 64 KB each, of which the server would keep all for the sake of one byte.
        expect(sent).toBeLessThan(100)
        await suite.stillServes()
      })
    })

    describe('the rate of unpacking', () => {
      const packed = { headers: { 'sec-websocket-extensions': 'permessage-deflate' } }
      // Each a kilobyte that comes to a megabyte.
      const bomb = text(deflateBomb(1), { rsv: rsv1 })

      it('drops who sends four kilobytes that come to four megabytes, and then one more', async () => {
        const client = await suite.open(packed)
        for (let sent = 0; sent < 4; sent++) {
          client.write(bomb)
          expect(suite.door.typeOf(await client.next(dataOpcodes))).toBe(suite.door.junkAnswer)
        }
        client.write(bomb)
        await client.gone
        await suite.stillServes()
      })

      it('drops who does so after it was told to go', async () => {
        const client = suite.dial()
        client.write(suite.handshake({ headers: { ...packed.headers, authorization: 'Bearer nonsense' } }))
        expect((await client.closing()).code).toBe(1008)
        client.write(...Array.from({ length: 10 }, () => bomb))
        await client.gone
        await suite.stillServes()
      })

      it('asks nothing of who sends as many bytes as it says', async () => {
        const client = await suite.open(packed)
        const large = text(suite.question + ' '.repeat(1024 * 1024 - Buffer.byteLength(suite.question)))
        for (let sent = 0; sent < 6; sent++) {
          client.write(large)
          await suite.answered(client)
        }
        await suite.leave(client)
      })
    })
  },
  { overrides: { now: () => now }, env: { PARLEY_LIMITS: 'on' } },
)
