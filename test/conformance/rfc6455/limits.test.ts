import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { continuation, opcodes, ping, pong, text } from '#test/support/raw-frames.ts'
import { forEveryDoor } from './suite.ts'

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
  },
  { overrides: { now: () => now }, env: { PARLEY_LIMITS: 'on' } },
)
