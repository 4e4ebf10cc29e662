import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { connect, type Turn, type TurnEvent } from '../../client/src/index.ts'
import { impatient, letTimePass, nextTick, nextTurn, untilState, untilText, useScene, webSockets } from './scene.ts'

/** What happens while a turn is written and read. */
type Step =
  /** The model writes so many pieces. */
  | { do: 'write'; pieces: number }
  | { do: 'think' }
  /** Both sides are told that the connection is gone, now or in the middle of a frame to come. */
  | { do: 'drop'; afterBytes: number }
  /** Nobody is told. */
  | { do: 'stall'; afterBytes: number }
  /** Nobody answers for a few attempts. */
  | { do: 'refuse'; attempts: number }
  /** The reader sees what was written before anything else happens. */
  | { do: 'read' }

const afterBytes = fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 2_000 }))
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('write' as const), pieces: fc.integer({ min: 1, max: 40 }) }) },
  { weight: 1, arbitrary: fc.constant({ do: 'think' as const }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('drop' as const), afterBytes }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('stall' as const), afterBytes }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('refuse' as const), attempts: fc.integer({ min: 1, max: 7 }) }) },
  { weight: 3, arbitrary: fc.constant({ do: 'read' as const }) },
)

describe('whatever is dropped', () => {
  const scene = useScene()

  it(
    'the application sees every event once, in order, and the text is the server’s',
    () =>
      fc.assert(
        fc.asyncProperty(
          fc.array(step, { minLength: 1, maxLength: 14 }),
          fc.constantFrom(...Object.values(webSockets)),
          fc.boolean(),
          async (steps, WebSocket, early) => {
            const [speaker, listener] = [scene.connect({ WebSocket }), scene.connect({ WebSocket })]
            const session = speaker.session()
            impatient(session, speaker.clock)
            const witness = listener.session(session.id)
            impatient(witness, listener.clock)
            const timePasses = <T>(run: () => Promise<T>) => letTimePass(scene, [speaker.clock, listener.clock], run)
            await Promise.all([untilState(session, 'open'), untilState(witness, 'open')])
            const held = scene.upstream.hold()
            const theirs = nextTurn(witness)
            const turn = session.send('Tell')
            // Else the connection may break before it is known which turn this is.
            if (!early) await turn.started
            const readings = [read(turn), theirs.then(read)]

            let written = ''
            let thought = ''
            let pieces = 0
            for (const step of steps) {
              switch (step.do) {
                case 'write':
                  for (let count = 0; count < step.pieces; count++) {
                    const piece = `${pieces++} `
                    written += piece
                    held.send(piece)
                  }
                  break
                case 'think': {
                  const piece = `(${pieces++}) `
                  thought += piece
                  held.reason(piece)
                  break
                }
                case 'drop':
                  scene.proxy.drop(step.afterBytes)
                  break
                case 'stall':
                  scene.proxy.stall(step.afterBytes)
                  break
                case 'refuse': {
                  const { made } = scene.proxy
                  scene.proxy.mode = 'refuse'
                  scene.proxy.drop()
                  await timePasses(async () => {
                    while (scene.proxy.made < made + step.attempts) await nextTick()
                  })
                  scene.proxy.mode = 'pass'
                  break
                }
                case 'read':
                  await timePasses(() => untilText(turn, written))
                  break
              }
            }
            await timePasses(() => held.request)
            held.finish()
            await timePasses(() => untilText(turn, written))
            const [mine, others] = await timePasses(() => Promise.all(readings))

            const direct = connect({ url: scene.parley.url, token: scene.parley.key })
            const { text, usage } = await direct.turn(turn.id!).get()
            expect(text).toBe(written)
            for (const [reading, shown] of [[mine!, turn] as const, [others!, await theirs] as const]) {
              expect(shown.text).toBe(written)
              expect(shown.state).toMatchObject({ status: 'completed', thinking: thought, usage })
              expect(reading.at(-1)!.type).toBe('response_end')
              const seqs = reading.map(({ seq }) => seq)
              expect(seqs).toEqual([...new Set(seqs)].sort((a, b) => a - b))
              expect(reading.filter(({ type }) => type === 'response_start')).toHaveLength(1)
            }
            session.close()
            witness.close()
            scene.proxy.heal()

            /** Every event; what was shown at any time is a beginning of what was written. */
            async function read(of: Turn): Promise<TurnEvent[]> {
              const events: TurnEvent[] = []
              const parts = new Map<number, string>()
              let shown = ''
              for await (const event of of) {
                events.push(event)
                if (event.type === 'text-delta') parts.set(event.part, (parts.get(event.part) ?? '') + event.text)
                if (event.type === 'text-reset') parts.set(event.part, event.text)
                shown = [...parts.values()].join('')
                expect(written.startsWith(shown)).toBe(true)
              }
              expect(shown).toBe(written)
              return events
            }
          },
        ),
        { numRuns: 40, endOnFailure: true },
      ),
    120_000,
  )
})
