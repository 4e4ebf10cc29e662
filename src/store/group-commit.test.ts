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

for (const kind of databaseKinds)
  describe(`writes on ${kind}`, () => {
    let house: TurnHouse
    beforeAll(async () => {
      house = await turnHouse(kind, { subscribersOf: (event) => (event.type === 'silent' ? [] : ['probe']) })
    })
    afterAll(() => house.close())
    let run = 0
    const write = <T>(work: (tx: Transaction) => Promise<T> | T) => house.database.write(work)
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

    it('are all finished when the database closes', async () => {
      const other = await turnHouse(kind)
      let done = 0
      for (let index = 0; index < 50; index++)
        void other.database.write((tx) => tx.run(insertProcess, { id: `close-${index}`, until: 1 })).then(() => done++)
      await other.close()
      expect(done).toBe(50)
    })
  })
