import fc from 'fast-check'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { databaseKinds } from '#test/support/databases.ts'
import { type TurnHouse, turnHouse } from '#test/support/turn-house.ts'
import type { Transaction } from './database.ts'
import { statement } from './statement.ts'

const insertProcess = statement<{ id: string; until: number }>('test-insert-process', (db, p) =>
  db.insertInto('processes').values({ id: p('id'), lease_until: p('until') }),
)

/** Longer than any test: what waits so long waits for company only. */
const endless = 600_000

for (const kind of databaseKinds)
  describe(`writes on ${kind}`, () => {
    let house: TurnHouse
    beforeAll(async () => {
      house = await turnHouse(kind, { subscribersOf: (event) => (event.type === 'silent' ? [] : ['probe']) })
    })
    afterAll(() => house.close())
    let run = 0
    const write = <T>(work: (tx: Transaction) => Promise<T> | T, patienceMs?: number) =>
      house.database.write(work, patienceMs)
    const written = async (prefix: string) =>
      (await house.witness.rows(`select id from processes where id like '${prefix}-%'`))
        .map((row) => String(row.id))
        .sort()

    it('give their results, and are there for others when they resolve', async () => {
      const prefix = `r${run++}`
      const result = await write(async (tx) => {
        await tx.run(insertProcess, { id: `${prefix}-1`, until: 1 })
        return 'done'
      })
      expect(result).toBe('done')
      expect(await written(prefix)).toEqual([`${prefix}-1`])
    })

    it('of many at once: one that throws is rolled back alone, and all others are kept', () =>
      fc.assert(
        fc.asyncProperty(
          fc.array(fc.constantFrom('fine', 'throws', 'breaks', 'tells'), { minLength: 1, maxLength: 40 }),
          async (units) => {
            const prefix = `p${run++}`
            const settled = await Promise.allSettled(
              units.map((unit, index) =>
                write(async (tx) => {
                  await tx.run(insertProcess, { id: `${prefix}-${String(index).padStart(2, '0')}`, until: 1 })
                  if (unit === 'tells' || unit === 'throws') tx.tell({ type: 'told', by: `${prefix}-${index}` })
                  if (unit === 'throws') throw new Error(`unit ${index}`)
                  if (unit === 'breaks') await sql`select no_such_column`.execute(tx.db)
                  return index
                }),
              ),
            )
            const kept: string[] = []
            for (const [index, outcome] of settled.entries()) {
              const bad = units[index] === 'throws' || units[index] === 'breaks'
              if (!bad) kept.push(`${prefix}-${String(index).padStart(2, '0')}`)
              expect(outcome.status).toBe(bad ? 'rejected' : 'fulfilled')
              if (outcome.status === 'fulfilled') expect(outcome.value).toBe(index)
              if (units[index] === 'throws')
                expect((outcome as PromiseRejectedResult).reason).toMatchObject({ message: `unit ${index}` })
            }
            expect(await written(prefix)).toEqual(kept)
            const jobs = await house.witness.rows(`select payload from jobs`)
            const told = jobs.flatMap((job) => JSON.parse(job.payload as string) as { by: string }[])
            expect(
              told
                .filter(({ by }) => by?.startsWith(`${prefix}-`))
                .map(({ by }) => by)
                .sort(),
            ).toEqual(units.flatMap((unit, index) => (unit === 'tells' ? [`${prefix}-${index}`] : [])).sort())
          },
        ),
        { numRuns: 25 },
      ))

    it('tell each subscriber only what it hears', async () => {
      const before = (await house.witness.rows('select id from jobs')).length
      await write((tx) => tx.tell({ type: 'silent' }))
      expect(await house.witness.rows('select id from jobs')).toHaveLength(before)
    })

    it('of thousands at once all become durable', async () => {
      const prefix = `m${run++}`
      const ids = Array.from({ length: 2_000 }, (_, index) => `${prefix}-${String(index).padStart(4, '0')}`)
      await Promise.all(ids.map((id) => write((tx) => tx.run(insertProcess, { id, until: 1 }))))
      expect(await written(prefix)).toEqual(ids)
    })

    it('with patience are written with the next that has none, in one commit', async () => {
      const prefix = `w${run++}`
      await write(() => undefined)
      const patient = write((tx) => tx.tell({ type: 'told', by: `${prefix}-patient` }), endless)
      await write((tx) => tx.tell({ type: 'told', by: `${prefix}-now` }))
      await patient
      const jobs = await house.witness.rows(`select payload from jobs`)
      const told = jobs.map((job) => JSON.parse(job.payload as string) as { by: string }[])
      expect(told.filter(([first]) => first?.by?.startsWith(prefix))).toMatchObject([
        [{ by: `${prefix}-patient` }, { by: `${prefix}-now` }],
      ])
    })

    it('with patience come to their end by themselves, and at once when they are awaited', async () => {
      await write(() => undefined)
      expect(await write(() => 'soon', 20)).toBe('soon')
      const patient = write(() => 'hurried', endless)
      house.database.hurry()
      expect(await patient).toBe('hurried')
      house.database.hurry()
    })

    it('of any patience are all made, whoever comes when', () =>
      fc.assert(
        fc.asyncProperty(fc.array(fc.constantFrom(0, 1, 3, 20), { minLength: 1, maxLength: 30 }), async (patiences) => {
          const prefix = `a${run++}`
          const ids = patiences.map((_, index) => `${prefix}-${String(index).padStart(2, '0')}`)
          const made = patiences.map(async (patienceMs, index) => {
            if (index % 3 === 2) await write(() => undefined)
            await write((tx) => tx.run(insertProcess, { id: ids[index]!, until: 1 }), patienceMs)
          })
          await Promise.all(made)
          expect(await written(prefix)).toEqual(ids)
        }),
        { numRuns: 20 },
      ))

    it.runIf(kind === 'postgres')('that wait for each other in the database are all made', async () => {
      const prefix = `d${run++}`
      for (const name of ['one', 'two'])
        await write((tx) => tx.run(insertProcess, { id: `${prefix}-${name}`, until: 0 }))
      const grown = (tx: Transaction, name: string) =>
        sql`update processes set lease_until = lease_until + 1 where id = ${`${prefix}-${name}`}`.execute(tx.db)
      const both = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
      const across = (index: number, first: string, second: string) =>
        write(async (tx) => {
          await grown(tx, first)
          both[index]!.resolve()
          await Promise.all(both.map(({ promise }) => promise))
          await grown(tx, second)
        })
      const there = across(0, 'one', 'two')
      // In another group, since this one has begun.
      await both[0]!.promise
      await Promise.all([there, across(1, 'two', 'one')])
      const rows = await house.witness.rows(`select lease_until from processes where id like '${prefix}-%'`)
      expect(rows.map((row) => Number(row.lease_until))).toEqual([2, 2])
    })

    it('take contended rows last and in one order, and fail by them as by themselves', async () => {
      const took: string[] = []
      const unit = (name: string, places: ['conversations' | 'workspaces', number][]) =>
        write((tx) => {
          for (const [table, key] of places)
            tx.atEnd(table, key, () => {
              took.push(`${table} ${key}`)
              if (key === 13) throw new Error(name)
            })
          took.push(name)
        })
      await Promise.all([
        unit('a', [
          ['workspaces', 2],
          ['conversations', 9],
        ]),
        unit('b', [
          ['workspaces', 1],
          ['conversations', 10],
        ]),
      ])
      expect(took).toEqual(['a', 'b', 'conversations 9', 'conversations 10', 'workspaces 1', 'workspaces 2'])
      const settled = await Promise.allSettled([unit('c', [['workspaces', 13]]), unit('d', [['workspaces', 1]])])
      expect(settled).toMatchObject([{ reason: { message: 'c' } }, { status: 'fulfilled' }])
    })

    it('are all finished when the database closes', async () => {
      const other = await turnHouse(kind)
      await other.database.write(() => undefined)
      let done = 0
      void other.database
        .write((tx) => tx.run(insertProcess, { id: 'close-patient', until: 1 }), endless)
        .then(() => done++)
      for (let index = 0; index < 50; index++)
        void other.database.write((tx) => tx.run(insertProcess, { id: `close-${index}`, until: 1 })).then(() => done++)
      await other.close()
      expect(done).toBe(51)
    })
  })
