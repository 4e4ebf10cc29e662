import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { addUsage, type Envelope, emptyTurn, growingText, noUsage, partsOf } from '#contracts/index.ts'
import { estimateTokens } from '#lib/tokens.ts'
import { uuidv7 } from '#lib/uuid.ts'
import { databaseKinds } from '#test/support/databases.ts'
import { expectGuarantees, expectSame, fold } from '#test/support/guarantees.ts'
import { checkpoints, playTurn, turnScript } from '#test/support/random-turns.ts'
import { type TurnHouse, turnHouse } from '#test/support/turn-house.ts'
import { keepLease } from './lease.ts'
import { reaper } from './reap.ts'
import { insertCheckpoint, insertTurnRows } from './rows.ts'
import { replayAfter } from './stored-log.ts'
import { eventsOf, findStoredTurn } from './stored-turn.ts'

const price = { input: 3_000_000, output: 7_000_000 }
const reservedMicros = 1_000
const inputTokens = 50
const hourMs = 3_600_000

for (const kind of databaseKinds)
  describe(`the reaper on ${kind}`, () => {
    let house: TurnHouse
    beforeAll(async () => {
      house = await turnHouse(kind, { price, subscribersOf: () => ['probe'] })
    })
    afterAll(() => house.close())

    it('closes a turn from whatever was kept of it, properly, and settles it once', () =>
      fc.assert(
        fc.asyncProperty(
          turnScript,
          fc.array(fc.nat(60), { maxLength: 4 }),
          fc.nat(400),
          async (script, cuts, lengthSeed) => {
            const { raw } = await playTurn(script)
            const kept = raw.slice(0, lengthSeed % raw.length)
            const publicId = await orphan(kept, cuts)
            const before = await workspace()
            await Promise.all([
              reaper(house.deps, 'a').now(),
              reaper(house.deps, 'b').now(),
              reaper(house.deps, 'a').now(),
            ])

            const turn = (await findStoredTurn(house.database, publicId))!
            const log = eventsOf(turn)
            expect(turn.status).toBe('interrupted')
            expectGuarantees(log, { merged: true })
            expectKept(kept, log)
            expect(partsOf(fold(log))).toEqual(turn.parts)
            expectReplays(raw, kept.length, log)

            const usage = usageOf(kept)
            expect(turn.usage).toEqual(usage)
            const cost = Math.ceil((usage.inputTokens * price.input + usage.outputTokens * price.output) / 1e6)
            expect(turn.costMicros).toBe(cost)
            const after = await workspace()
            expect(after).toEqual({ spent: before.spent + cost, reserved: before.reserved - reservedMicros })
            expect(await tellings(publicId)).toBe(1)
          },
        ),
        { numRuns: kind === 'sqlite' ? 60 : 25 },
      ))

    it('leaves the turns of living processes alone', async () => {
      const publicId = uuidv7()
      await house.database.write(async (tx) => {
        await tx.db
          .insertInto('processes')
          .values({ id: 'alive', lease_until: Date.now() + 60_000 })
          .execute()
        await insertTurnRows(tx, row(publicId, 'alive'), '[]')
      })
      // An embedded database has no other living process.
      expect(await reaper(house.deps, 'alive').now()).toBe(0)
      expect((await findStoredTurn(house.database, publicId))!.status).toBe('running')
      await house.database.write((tx) => tx.db.deleteFrom('processes').where('id', '=', 'alive').execute())
      expect(await reaper(house.deps, 'me').now()).toBe(1)
    })

    it.runIf(kind === 'postgres')('tells the dead from the living whatever the clock of either says', async () => {
      const lives = uuidv7()
      const died = uuidv7()
      const { options } = house.deps
      // Signs of life are given once each.
      vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
      await keepLease({ ...house.deps, now: () => Date.now() - hourMs }, 'behind').open()
      await keepLease(
        { ...house.deps, now: () => Date.now() + hourMs, options: { ...options, leaseMs: -1 } },
        'ahead',
      ).open()
      vi.useRealTimers()
      await house.database.write(async (tx) => {
        await insertTurnRows(tx, row(lives, 'behind'), '[]')
        await insertTurnRows(tx, row(died, 'ahead'), '[]')
      })
      for (const offMs of [-2 * hourMs, 2 * hourMs])
        await reaper({ ...house.deps, now: () => Date.now() + offMs }, 'me').now()
      expect((await findStoredTurn(house.database, lives))!.status).toBe('running')
      expect((await findStoredTurn(house.database, died))!.status).toBe('interrupted')
    })

    function row(publicId: string, processId: string) {
      return {
        publicId,
        workspaceId: house.principal.workspace.id,
        userId: house.principal.user.id,
        appId: null,
        conversationId: null,
        keyId: null,
        door: 'test',
        status: 'running' as const,
        model: 'm',
        processId,
        reservedMicros,
        inputTokens,
        metadata: null,
        createdAt: 1_000,
        upstream: '',
        outputTokens: 0,
        cachedInputTokens: 0,
        reasoningTokens: 0,
        estimated: 0,
        costMicros: 0,
        finishReason: null,
        error: null,
        endedAt: null,
      }
    }

    async function orphan(kept: Envelope[], cuts: number[]): Promise<string> {
      const publicId = uuidv7()
      await house.database.write(async (tx) => {
        const turnId = await insertTurnRows(tx, row(publicId, 'dead'), '[]')
        await tx.db
          .updateTable('workspaces')
          .set((eb) => ({ reserved_micros: eb('reserved_micros', '+', reservedMicros) }))
          .where('id', '=', house.principal.workspace.id)
          .execute()
        if (kept.length === 0) return
        for (const { seq, events } of checkpoints(kept, cuts))
          await tx.run(insertCheckpoint, { turnId, seq, events: JSON.stringify(events) })
      })
      return publicId
    }

    async function workspace() {
      const [found] = await house.witness.rows(
        `select spent_micros as spent, reserved_micros as reserved from workspaces where id = ${house.principal.workspace.id}`,
      )
      return { spent: Number(found!.spent), reserved: Number(found!.reserved) }
    }

    async function tellings(publicId: string): Promise<number> {
      const jobs = await house.witness.rows('select payload from jobs')
      return jobs
        .flatMap((job) => JSON.parse(job.payload as string) as object[])
        .filter((event) => JSON.stringify(event).includes(publicId)).length
    }
  })

/** Nothing that was kept is lost or changed. */
function expectKept(kept: Envelope[], log: Envelope[]): void {
  const state = fold(kept)
  const closed = fold(log)
  for (const entry of state.parts) {
    if (entry.part.type === 'tool-call' && !entry.called) continue
    const same = closed.parts.find(({ number }) => entry.number !== undefined && number === entry.number)
    if (entry.number !== undefined) expect(growingText(same!.part)).toBe(growingText(entry.part))
  }
}

/** Readers of the dead process, wherever they were, come to what is stored. */
function expectReplays(raw: Envelope[], kept: number, log: Envelope[]): void {
  const whole = fold(log)
  let seen = emptyTurn
  for (const [cursor, envelope] of raw.entries()) {
    const state = fold(replayAfter(log, cursor), seen)
    expectSame(state.status, 'interrupted')
    if (cursor <= kept && kept > 0) expectSame(partsOf(state), partsOf(whole))
    else
      for (const entry of whole.parts)
        if (entry.number !== undefined && growingText(entry.part) !== '')
          expectSame(
            growingText(state.parts.find(({ number }) => number === entry.number)!.part),
            growingText(entry.part),
          )
    seen = fold([envelope], seen)
  }
}

/** What finished calls told, and an estimate of the one under way. */
function usageOf(kept: Envelope[]) {
  let usage = noUsage
  let written: string[] | undefined
  for (const { event } of kept)
    if (event.type === 'model-start') written = []
    else if (event.type === 'model-end') {
      usage = addUsage(usage, event.usage)
      written = undefined
    } else if (written !== undefined && event.type.endsWith('-delta')) {
      const { part, text } = event as { part: number; text: string }
      written[part] = (written[part] ?? '') + text
    }
  const calling = kept.length === 0 || written !== undefined
  const tokens = (written ?? []).reduce((sum, text) => sum + estimateTokens(text), 0)
  return {
    ...usage,
    inputTokens: usage.inputTokens + (calling ? inputTokens : 0),
    outputTokens: usage.outputTokens + tokens,
    estimated: true,
  }
}
