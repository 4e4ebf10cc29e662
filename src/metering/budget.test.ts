import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AppError } from '#errors/index.ts'
import { notifications } from '#features/notifications/index.ts'
import { jobQueue } from '#jobs/index.ts'
import type { ModelQuery } from '#providers/spec.ts'
import { subscriberJobs, subscribersOf } from '#subscribers/index.ts'
import { databaseKinds } from '#test/support/databases.ts'
import { breath, finish, type ModelScript, scriptedModel } from '#test/support/scripted-model.ts'
import { asks, type TurnHouse, turnHouse } from '#test/support/turn-house.ts'

const price = { input: 1_000_000, output: 1_000_000 }

for (const kind of databaseKinds)
  describe(`budgets and usage on ${kind}`, () => {
    let house: TurnHouse
    beforeAll(async () => {
      house = await turnHouse(kind, { price, subscribersOf })
    })
    afterAll(() => house.close())

    const money = async () => {
      const [row] = await house.witness.rows(
        `select budget_micros, spent_micros, reserved_micros from workspaces where id = ${house.principal.workspace.id}`,
      )
      const { budget_micros: budget, spent_micros: spent, reserved_micros: reserved } = row!
      return { budget: budget === null ? null : Number(budget), spent: Number(spent), reserved: Number(reserved) }
    }
    const allow = (micros: number | null) =>
      house.database.write((tx) =>
        tx.db
          .updateTable('workspaces')
          .set({ budget_micros: micros })
          .where('id', '=', house.principal.workspace.id)
          .execute(),
      )

    it('are never overspent by turns at the same time, and everything reserved comes back', () =>
      fc.assert(
        fc.asyncProperty(
          fc.nat(400),
          fc.array(
            fc.record({
              most: fc.integer({ min: 1, max: 60 }),
              used: fc.nat(60),
              end: fc.constantFrom('ok', 'fail', 'cancel'),
            }),
            { minLength: 1, maxLength: 15 },
          ),
          async (more, wanted) => {
            const before = await money()
            await allow(before.spent + more)
            let next = 0
            // Answers are no longer than they may be, as upstreams keep to.
            const answer = ({ sampling }: ModelQuery): ModelScript => {
              const { used, end } = wanted[next++ % wanted.length]!
              const usage = { inputTokens: 1, outputTokens: Math.min(used, sampling.maxOutputTokens!) }
              if (end === 'fail') return { batches: [], opening: new AppError('upstream-unreachable', 'No') }
              return { batches: [[{ type: 'text', text: 'x' }], [finish('stop', usage)]] }
            }
            let overdrawn = 0
            house.model = scriptedModel({
              price,
              answer,
              before: async () => {
                await breath()
                const { budget, spent, reserved } = await money()
                if (spent + reserved > budget!) overdrawn++
              },
            })
            const outcomes = await Promise.allSettled(
              wanted.map(async ({ most, end }) => {
                const turn = await house.turns.start(
                  asks(house.principal, {
                    messages: [{ role: 'user', parts: [{ type: 'text', text: 'Hi' }] }],
                    sampling: { maxOutputTokens: most },
                  }),
                )
                if (end === 'cancel') void house.turns.command(house.principal, turn.id, { type: 'cancel' })
                return turn.result()
              }),
            )
            let cost = 0
            for (const outcome of outcomes)
              if (outcome.status === 'fulfilled') cost += outcome.value.costMicros
              else expect(outcome.reason).toMatchObject({ code: 'quota-exceeded' })
            const after = await money()
            expect(overdrawn).toBe(0)
            expect(after.reserved).toBe(0)
            expect(after.spent).toBe(before.spent + cost)
            expect(after.spent).toBeLessThanOrEqual(after.budget!)
          },
        ),
        { numRuns: kind === 'sqlite' ? 40 : 20 },
      ))

    it('refuse a turn before any model is asked', async () => {
      const { spent } = await money()
      await allow(spent)
      house.model = scriptedModel({ price })
      await expect(house.turns.start(asks(house.principal))).rejects.toMatchObject({ code: 'quota-exceeded' })
      expect(house.model.queries).toEqual([])
      await allow(null)
      expect((await (await house.turns.start(asks(house.principal))).result()).status).toBe('completed')
    })

    it('roll up to exactly the sum of the turns', async () => {
      const queue = jobQueue({
        database: house.database,
        handlers: subscriberJobs({
          notifications: notifications({ database: house.database, now: Date.now, log: { warn: () => undefined } }),
          history: { index: async () => undefined, ready: () => undefined },
          webhooks: { ring: () => undefined },
          now: Date.now,
          announce: () => undefined,
        }),
        now: Date.now,
        random: Math.random,
        log: { error: (fields) => expect(fields).toBeUndefined() },
        lookEveryMs: 60_000,
        gatherMs: 0,
      })
      // Two at once, as two processes would.
      await Promise.all([queue.runDue(), queue.runDue()])
      await queue.close()
      const sums = (table: string, count: string) =>
        house.witness.rows(
          `select model, upstream, ${count} as turns, sum(input_tokens) as input, sum(output_tokens) as output, sum(cost_micros) as cost
           from ${table} group by model, upstream order by model, upstream`,
        )
      const numbers = (rows: Record<string, unknown>[]) =>
        rows.map((row) => ({
          ...row,
          turns: Number(row.turns),
          input: Number(row.input),
          output: Number(row.output),
          cost: Number(row.cost),
        }))
      const turns = numbers(await sums('turns', 'count(*)'))
      expect(turns.length).toBeGreaterThan(0)
      expect(numbers(await sums('usage_hourly', 'sum(turns)'))).toEqual(turns)
      const [failed] = await house.witness.rows(`select count(*) as n from turns where status = 'failed'`)
      const [counted] = await house.witness.rows('select sum(failed) as n from usage_hourly')
      expect(Number(counted!.n)).toBe(Number(failed!.n))
    })
  })
