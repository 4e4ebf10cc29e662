import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { databaseKinds } from '#test/support/databases.ts'
import { type TurnHouse, turnHouse } from '#test/support/turn-house.ts'
import { type JobHandler, jobQueue } from './queue.ts'

for (const kind of databaseKinds)
  describe(`the job queue on ${kind}`, () => {
    let house: TurnHouse
    beforeAll(async () => {
      house = await turnHouse(kind)
    })
    afterAll(() => house.close())

    let run = 0
    function setUp(handler: JobHandler) {
      const job = `test-${run++}`
      const clock = { now: 1_000_000 }
      const errors: object[] = []
      const queue = () =>
        jobQueue({
          database: house.database,
          handlers: { [job]: handler },
          now: () => clock.now,
          random: () => 1,
          log: { error: (fields) => void errors.push(fields) },
          lookEveryMs: 60_000,
          gatherMs: 0,
        })
      const add = (payload: unknown, runAt = clock.now) =>
        house.database.write((tx) =>
          tx.db
            .insertInto('jobs')
            .values({ kind: job, payload: JSON.stringify(payload), run_at: runAt, attempts: 0, dead: 0, created_at: 0 })
            .execute(),
        )
      const left = () =>
        house.database.read
          .selectFrom('jobs')
          .select(['payload', 'attempts', 'dead', 'error', 'run_at'])
          .where('kind', '=', job)
          .orderBy('id')
          .execute()
      return { job, clock, errors, queue, add, left }
    }

    it('runs what is due, once, and leaves what is not', async () => {
      const ran: unknown[] = []
      const { queue, add, left, clock } = setUp(async (_, payloads) => void ran.push(...payloads))
      await add('now')
      await add('later', clock.now + 1)
      await queue().runDue()
      await queue().runDue()
      expect(ran).toEqual(['now'])
      clock.now++
      await queue().runDue()
      expect(ran).toEqual(['now', 'later'])
      expect(await left()).toEqual([])
    })

    it('does not wait for the clock to come back to where it was when a job was told', async () => {
      const ran: unknown[] = []
      const { job, queue, add, clock } = setUp(async (_, payloads) => void ran.push(...payloads))
      await add('told')
      await add('to be tried again', clock.now + 15 * 60_000)
      clock.now -= 3_600_000
      await add('told since')
      await queue().runDue()
      expect(ran).toEqual(['told since', 'told', 'to be tried again'])
      await add('told once more', clock.now + 3_600_000)
      await queue().catchUp(job)
      expect(ran.at(-1)).toBe('told once more')
    })

    it('runs one kind before it answers, for who must see what it writes', async () => {
      const ran: unknown[] = []
      const { job, queue, add, left, clock } = setUp(async (_, payloads) => void ran.push(...payloads))
      const other = setUp(async () => expect.unreachable())
      await other.add('another kind')
      await add('now')
      await add('later', clock.now + 1)
      await queue().catchUp(job)
      expect(ran).toEqual(['now'])
      // Two at once, as two readers would.
      clock.now++
      await Promise.all([queue().catchUp(job), queue().catchUp(job)])
      expect(ran).toEqual(['now', 'later'])
      expect(await left()).toEqual([])
      expect(await other.left()).toHaveLength(1)
    })

    it('does not keep a reader waiting for a failing job, or for very many', async () => {
      const { job, queue, add, left, errors } = setUp(async () => {
        throw new Error('no')
      })
      await add('fails')
      await queue().catchUp(job)
      expect(errors).toHaveLength(1)
      expect(await left()).toMatchObject([{ attempts: 1 }])
      const many = setUp(async () => expect.unreachable())
      for (let index = 0; index < 101; index++) await many.add(index)
      await many.queue().catchUp(many.job)
      expect(await many.left()).toHaveLength(101)
    })

    it('tries a failing job again, later and later, and gives it up after ten attempts', async () => {
      const { queue, add, left, clock, errors } = setUp(async () => {
        throw new Error('not today')
      })
      await add('doomed')
      const waits: number[] = []
      for (let attempt = 1; attempt <= 12; attempt++) {
        await queue().runDue()
        const [job] = await left()
        if (attempt <= 10) waits.push(job!.run_at - clock.now)
        expect(job).toMatchObject({ attempts: Math.min(attempt, 10), dead: attempt >= 10 ? 1 : 0, error: 'not today' })
        clock.now = Math.max(clock.now, job!.run_at)
      }
      expect(waits.slice(0, 4)).toEqual([1_000, 2_000, 4_000, 8_000])
      expect(errors).toHaveLength(10)
    })

    it('does not let one bad job hold up the others, and what a failed attempt wrote is gone', async () => {
      const prefix = `q${run}`
      const { queue, add, left } = setUp(async (tx, payloads) => {
        for (const payload of payloads) {
          await tx.db
            .insertInto('processes')
            .values({ id: `${prefix}-${payload}`, lease_until: 1 })
            .execute()
          if (payload === 'bad') throw new Error('bad')
        }
      })
      for (const payload of ['a', 'bad', 'b']) await add(payload)
      await queue().runDue()
      expect((await left()).map(({ payload }) => payload)).toEqual(['"bad"'])
      const done = await house.witness.rows(`select id from processes where id like '${prefix}-%' order by id`)
      expect(done.map(({ id }) => id)).toEqual([`${prefix}-a`, `${prefix}-b`])
    })

    it('does what is for afterwards when the commit is visible, and not at all when there was none', async () => {
      const prefix = `a${run}`
      const seen: Promise<unknown[]>[] = []
      const { queue, add } = setUp(async (tx, payloads, afterCommit) => {
        for (const payload of payloads) {
          const id = `${prefix}-${payload}`
          await tx.db.insertInto('processes').values({ id, lease_until: 1 }).execute()
          afterCommit(() => void seen.push(house.witness.rows(`select id from processes where id = '${id}'`)))
          if (payload === 'bad') throw new Error('bad')
        }
      })
      for (const payload of ['a', 'bad', 'b']) await add(payload)
      await queue().runDue()
      expect(await Promise.all(seen)).toEqual([[{ id: `${prefix}-a` }], [{ id: `${prefix}-b` }]])
    })

    it('does each job exactly once in its transaction, though several processes look for it', async () => {
      const prefix = `e${run}`
      const { queue, add, left } = setUp(async (tx, payloads) => {
        for (const payload of payloads)
          await tx.db
            .insertInto('processes')
            .values({ id: `${prefix}-${payload}`, lease_until: 1 })
            .execute()
      })
      for (let index = 0; index < 60; index++) await add(index)
      // A job done twice would violate the primary key, fail and stay.
      await Promise.all(Array.from({ length: 4 }, () => queue().runDue()))
      expect(await left()).toEqual([])
      expect(await house.witness.rows(`select id from processes where id like '${prefix}-%'`)).toHaveLength(60)
    })

    it('runs what is left when it closes', async () => {
      const ran: unknown[] = []
      const { queue, add } = setUp(async (_, payloads) => void ran.push(...payloads))
      const started = queue()
      started.start()
      await add('last')
      await started.close()
      expect(ran).toEqual(['last'])
      started.wake()
    })
  })
