import { describe, expect, it } from 'vitest'
import { opcodes, pong, text } from '#test/support/raw-frames.ts'
import { forEveryDoor } from './suite.ts'

// The ordinary half a minute, in small. A beat is due after thirty turns of the event loop at the earliest, in each of
// which an answer is read, so that a busy machine lets nobody go who did answer.
forEveryDoor(
  (suite) => {
    describe('the server’s own pings (RFC 6455 §5.5.2)', () => {
      it('drops a peer that answers none', async () => {
        const client = await suite.open()
        await client.next(opcodes.ping)
        await client.ended
        expect(client.frames.filter(({ opcode }) => opcode === opcodes.ping)).toHaveLength(1)
        await suite.stillServes()
      })

      it('keeps a peer that answers', async () => {
        const client = await suite.open()
        for (let beats = 0; beats < 3; beats++) client.write(pong((await client.next(opcodes.ping)).payload))
        await suite.works(client)
        await suite.leave(client)
      })

      it('keeps a peer that speaks otherwise', async () => {
        const client = await suite.open()
        for (let beats = 0; beats < 3; beats++) {
          await client.next(opcodes.ping)
          client.write(text(suite.question))
          await suite.answered(client)
        }
        await suite.leave(client)
      })
    })
  },
  { overrides: { sockets: { pingEveryMs: 120 } } },
)
