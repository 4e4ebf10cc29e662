import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { databaseKinds } from '#test/support/databases.ts'
import { type LiveSocket, openLive } from '#test/support/live-socket.ts'
import { registered, type StoryPerson } from '#test/support/people.ts'
import { useStory } from '#test/support/story.ts'

type Step =
  | { do: 'create'; count: number }
  | { do: 'connect' }
  | { do: 'leave'; which: number }
  | { do: 'mark'; which: number; as: 'ack' | 'read'; every: number }

const steps: fc.Arbitrary<(Step & { wait: boolean })[]> = fc.array(
  fc
    .tuple(
      fc.oneof(
        {
          weight: 4,
          arbitrary: fc.record({ do: fc.constant('create' as const), count: fc.integer({ min: 1, max: 60 }) }),
        },
        { weight: 3, arbitrary: fc.record({ do: fc.constant('connect' as const) }) },
        { weight: 1, arbitrary: fc.record({ do: fc.constant('leave' as const), which: fc.nat(5) }) },
        {
          weight: 2,
          arbitrary: fc.record({
            do: fc.constant('mark' as const),
            which: fc.nat(5),
            as: fc.constantFrom('ack' as const, 'read' as const),
            every: fc.integer({ min: 1, max: 4 }),
          }),
        },
      ),
      fc.boolean(),
    )
    .map(([step, wait]) => ({ ...step, wait })),
  { maxLength: 14 },
)

interface Note {
  id: string
  title: string
}

const notesOf = ({ frames }: LiveSocket) =>
  frames.filter(({ type }) => type === 'notification').map(({ notification }) => notification as Note)

for (const kind of databaseKinds)
  describe(`the delivery of notifications on ${kind}`, () => {
    const story = useStory(kind)
    let made = 0

    /** Stores notifications as a subscriber does: in a transaction, and rings after it. */
    async function create(who: StoryPerson, userId: number, count: number): Promise<void> {
      const { database, notifications } = story.parley.parley
      const drafts = Array.from({ length: count }, () => ({
        userId,
        workspaceId: null,
        kind: 'guardrail_hit' as const,
        source: `delivery/${++made}`,
        title: `${who.id} ${made}`,
        body: 'x'.repeat(200),
        actionUrl: null,
        data: {},
      }))
      notifications.ring(await database.write((tx) => notifications.add(tx, drafts)))
    }

    it(
      'is in order, without a gap or a repeat on one socket, until each is acknowledged',
      () =>
        fc.assert(
          fc.asyncProperty(steps, async (schedule) => {
            const who = await registered(story, 'reader')
            const { read } = story.parley.parley.database
            const user = await read
              .selectFrom('users')
              .select('id')
              .where('public_id', '=', who.id)
              .executeTakeFirstOrThrow()
            const connect = () => openLive(story.parley, `/ws/notifications/${who.id}?token=${who.token}`)
            const all: LiveSocket[] = []
            const open = new Set<LiveSocket>()
            /** What each socket has marked; of one that left it is not known whether that was still heard. */
            const marks = new Map<LiveSocket, string[]>()
            const underWay: Promise<unknown>[] = []

            async function act(step: Step): Promise<void> {
              if (step.do === 'create') return create(who, user.id, step.count)
              if (step.do === 'connect') {
                const socket = await connect()
                all.push(socket)
                open.add(socket)
                return
              }
              const socket = [...open][step.which]
              if (!socket) return
              if (step.do === 'leave') {
                open.delete(socket)
                return socket.close()
              }
              const ids = notesOf(socket)
                .filter((_, at) => at % step.every === 0)
                .map(({ id }) => id)
                .slice(-100)
              marks.set(socket, [...(marks.get(socket) ?? []), ...ids])
              socket.send({ type: step.as, ids })
            }

            for (const step of schedule) {
              const acting = act(step)
              underWay.push(acting)
              if (step.wait) await acting
            }
            await Promise.all(underWay)
            // After the last, everything before it has come: frames do not overtake each other.
            for (const socket of open) {
              const pongs = socket.frames.filter(({ type }) => type === 'pong').length
              socket.send({ type: 'ping' })
              await socket.take('pong', pongs + 1)
            }
            await create(who, user.id, 1)
            const stored = await read
              .selectFrom('notifications')
              .select(['public_id', 'title'])
              .where('user_id', '=', user.id)
              .orderBy('id')
              .execute()
            const order = new Map(stored.map(({ public_id }, at) => [public_id, at]))
            const last = stored.at(-1)!.public_id
            const late = await connect()
            for (const socket of [...open, late])
              await socket.until(({ notification }) => (notification as Note | undefined)?.id === last)

            for (const socket of [...all, late]) {
              const places = notesOf(socket).map(({ id }) => order.get(id)!)
              for (const [at, place] of places.entries()) if (at > 0) expect(place).toBeGreaterThan(places[at - 1]!)
            }
            const perhaps = new Set([...marks.values()].flat())
            const surely = new Set([...open].flatMap((socket) => marks.get(socket) ?? []))
            const waiting = stored.map(({ public_id }) => public_id).filter((id) => !perhaps.has(id))
            for (const socket of [...open, late]) {
              const got = new Set(notesOf(socket).map(({ id }) => id))
              expect(waiting.filter((id) => !got.has(id))).toEqual([])
            }
            expect(notesOf(late).filter(({ id }) => surely.has(id))).toEqual([])
            for (const socket of [...open, late]) await socket.close()
          }),
          { numRuns: 25, endOnFailure: true },
        ),
      120_000,
    )

    it('gives a slow reader everything, page by page, and holds little for it', async () => {
      const who = await registered(story, 'slow')
      const { read } = story.parley.parley.database
      const user = await read.selectFrom('users').select('id').where('public_id', '=', who.id).executeTakeFirstOrThrow()
      for (let n = 0; n < 9; n++) await create(who, user.id, 100)
      const socket = await openLive(story.parley, `/ws/notifications/${who.id}?token=${who.token}`)
      socket.socket.pause()
      await create(who, user.id, 20)
      socket.socket.resume()
      const frames = await socket.take('notification', 920)
      const numbers = frames.map(({ notification }) => Number((notification as Note).title.split(' ')[1]))
      expect(numbers).toEqual(Array.from({ length: 920 }, (_, at) => made - 919 + at))
      await socket.close()
    })
  })
