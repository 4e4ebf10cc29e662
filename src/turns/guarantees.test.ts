import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import {
  type Envelope,
  emptyTurn,
  type Guardrail,
  type Message,
  type Part,
  partsOf,
  type TurnState,
  textOf,
} from '#contracts/index.ts'
import { compileRules, lookThrough, type Side } from '#engine/moderation/index.ts'
import { AppError } from '#errors/index.ts'
import { databaseKinds } from '#test/support/databases.ts'
import { expectDeltasJoin, expectGuarantees, fold } from '#test/support/guarantees.ts'
import {
  conductor,
  guardrailsOfTurns,
  moderateByLength,
  runTool,
  type TurnScript,
  tellingTurnScript,
  tools,
  turnScript,
} from '#test/support/random-turns.ts'
import { breath, finish, says, scriptedModel } from '#test/support/scripted-model.ts'
import { asks, type TurnHouse, turnHouse } from '#test/support/turn-house.ts'
import { LiveLog } from './live-log.ts'
import type { Turn } from './turn.ts'

/** As a database gives it back. */
const stored = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T
const price = { input: 2_000_000, output: 5_000_000 }

for (const kind of databaseKinds)
  describe(`turns on ${kind}`, () => {
    let house: TurnHouse
    beforeAll(async () => {
      house = await turnHouse(kind, {
        price,
        runTool: (call) => plan.moment().then(() => runTool(call)),
        moderate: moderateByLength,
        turns: { checkpointMs: 1 },
      })
    })
    afterAll(() => house.close())
    afterEach(() => void vi.restoreAllMocks())

    let plan = conductor({ steps: [], commands: [], clientTools: 'pause', answers: [] }, () => undefined)

    /** Starts the script; the model waits until the turn's id is known. */
    async function start(script: TurnScript, newConversation: boolean) {
      let go = () => {}
      const started = new Promise<void>((resolve) => {
        go = resolve
      })
      house.model = scriptedModel({ scripts: script.steps, price, before: () => started.then(() => plan.moment()) })
      let turn: Turn | undefined
      plan = conductor(script, (command) => void house.turns.command(house.principal, turn!.id, command))
      turn = await house.turns.start(asks(house.principal, { tools, clientTools: script.clientTools, newConversation }))
      go()
      return turn
    }

    const readerSpeeds = fc.array(fc.array(fc.nat(3), { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 3 })

    it('keep every guarantee, for readers of any speed, however the turn goes', () =>
      fc.assert(
        fc.asyncProperty(turnScript, readerSpeeds, fc.boolean(), async (...given) => void (await play(...given))),
        { numRuns: kind === 'sqlite' ? 60 : 30 },
      ))

    it('keep them under any guardrails, and neither show nor keep what one of them blocks or masks', () =>
      fc.assert(
        fc.asyncProperty(
          tellingTurnScript,
          guardrailsOfTurns,
          readerSpeeds,
          fc.boolean(),
          async (script, guardrails, speeds, conversation) => {
            house.guardrails = guardrails
            try {
              const { turn, raw } = await play(script, speeds, conversation)
              await expectNothingOf(guardrails, raw, turn.id)
              await expectNotes(turn.id, raw)
            } finally {
              house.guardrails = []
            }
          },
        ),
        { numRuns: kind === 'sqlite' ? 80 : 30 },
      ))

    /** Runs a turn with its readers, and holds all that came of it to the guarantees. */
    async function play(script: TurnScript, speeds: number[][], conversation: boolean) {
      const raw: Envelope[] = []
      const publish = LiveLog.prototype.publish
      const spy = vi.spyOn(LiveLog.prototype, 'publish').mockImplementation(function (this: LiveLog, envelope) {
        raw.push(envelope)
        publish.call(this, envelope)
      })
      const turn = await start(script, conversation)
      const readers = await Promise.all([
        ...speeds.map((pauses) => follow(turn, pauses)),
        client(turn, script.clientTools === 'await'),
      ])
      const state = await turn.result()
      spy.mockRestore()

      expectGuarantees(raw)
      expectDeltasJoin(raw, fold(raw))
      for (const reader of readers) expect(stored(reader)).toEqual(stored(fold(visible(raw))))
      expect(partsOf(state)).toEqual(partsOf(fold(raw)))
      await expectReplays(turn.id, raw)
      expect(house.errors).toEqual([])
      return { turn, raw }
    }

    /** Held against every rule that finds something by itself: whatever was shown of each part, and what is stored. */
    async function expectNothingOf(guardrails: Guardrail[], raw: Envelope[], turnId: string): Promise<void> {
      const acting = guardrails.filter(({ action }) => action !== 'flag')
      const { input, output } = await compileRules(acting)
      const expectClean = async (side: Side, text: string) => {
        expect(await lookThrough(side, text), JSON.stringify(text)).toEqual({ text })
      }
      for (const part of partsOf(fold(raw))) {
        if (part.type === 'text' || part.type === 'refusal' || part.type === 'reasoning')
          await expectClean(output, part.text)
        else if (part.type === 'tool-call') await expectClean(output, part.arguments)
        else if (part.type === 'audio') await expectClean(output, part.transcript ?? '')
        else if (part.type === 'source') await expectClean(output, part.source.title)
        else if (part.type === 'tool-result') await expectClean(input, part.result)
        else if (part.type === 'input') await expectClean(input, textOf(part.parts))
      }
      const [row] = await house.witness.rows(
        `select i.messages from turns t join turn_inputs i on i.turn_id = t.id where t.public_id = '${turnId}'`,
      )
      for (const { parts } of JSON.parse(row!.messages as string) as Message[]) await expectClean(input, textOf(parts))
    }

    /** A turn that a guardrail ended has a violation that says so; sound that would be masked is blocked. */
    async function expectNotes(turnId: string, raw: Envelope[]): Promise<void> {
      const end = raw.at(-1)!.event
      if (end.type !== 'turn-end' || end.error?.details?.where === undefined) return
      const rows = await house.witness.rows(
        `select action, place from guardrail_violations where turn_id = '${turnId}'`,
      )
      expect(rows.some(({ action, place }) => action === 'block' || place === 'audio')).toBe(true)
    }

    /** Reads like a client; checks at the sight of the end that it is on disk. */
    async function follow(turn: Turn, pauses: number[]): Promise<TurnState> {
      let state = emptyTurn
      let last = 0
      let taken = 0
      for await (const batch of turn.read()) {
        const end = batch.at(-1)!.event
        if (end.type === 'turn-end') {
          const rows = await house.witness.rows(
            `select t.*, o.parts from turns t join turn_outputs o on o.turn_id = t.id where t.public_id = '${turn.id}'`,
          )
          expect(rows).toHaveLength(1)
          expect(rows[0]).toMatchObject({ status: end.outcome, finish_reason: end.finishReason })
          expect(Number(rows[0]!.input_tokens)).toBe(end.usage.inputTokens)
          expect(Number(rows[0]!.output_tokens)).toBe(end.usage.outputTokens)
          expect(Number(rows[0]!.cost_micros)).toBe(end.costMicros)
          const written = JSON.parse(rows[0]!.parts as string) as Part[]
          expect(written).toEqual(stored(partsOf(fold(batch, state))))
        }
        for (const { seq } of batch) {
          expect(seq).toBeGreaterThan(last)
          last = seq
        }
        state = fold(batch, state)
        for (let pause = pauses[taken++ % pauses.length]!; pause > 0; pause--) await breath()
      }
      return state
    }

    async function client(turn: Turn, answers: boolean): Promise<TurnState> {
      let state = emptyTurn
      for await (const batch of turn.read()) {
        state = fold(batch, state)
        for (const { event } of batch)
          if (answers && event.type === 'tool-call' && event.side === 'client') plan.answer(event.callId)
      }
      return state
    }

    /** A reader that comes back at any seq, once the turn is only in the database. */
    async function expectReplays(id: string, raw: Envelope[]): Promise<void> {
      const turn = await house.turns.attach(house.principal, id)
      const whole = stored(fold(visible(raw)))
      const step = Math.max(1, Math.floor(raw.length / 20))
      for (let cursor = 0; cursor <= raw.length; cursor += step) {
        let state = fold(visible(raw.slice(0, cursor)))
        for await (const batch of turn.read(cursor)) state = fold(batch, state)
        expect(stored(state)).toEqual(whole)
      }
      expect(stored(partsOf(await turn.result()))).toEqual(stored(partsOf(fold(raw))))
    }

    it('are cancelled when the last reader of a turn that nobody can come back to has left', async () => {
      const lonely = await turnHouse(kind, { turns: { leaveGraceMs: 1 } })
      let gone = () => {}
      const aborted = new Promise<void>((resolve) => {
        gone = resolve
      })
      lonely.model = scriptedModel({
        scripts: [says('never said')],
        // Holds its answer until it is cancelled.
        before: (signal) => {
          signal.addEventListener('abort', () => gone())
          return aborted
        },
      })
      const turn = await lonely.turns.start(asks(lonely.principal, { leave: 'cancel-after-grace' }))
      const reader = turn.read()
      expect((await reader.next()).value![0]!.event.type).toBe('turn-start')
      await reader.return()
      await aborted
      const state = await (await lonely.turns.attach(lonely.principal, turn.id)).result()
      expect(state).toMatchObject({ status: 'cancelled', finishReason: 'cancelled' })
      await lonely.close()
    })

    it('go on without readers when their door says so', async () => {
      house.model = scriptedModel({ scripts: [says('one', 'two')], price })
      const turn = await house.turns.start(asks(house.principal))
      await turn.read().return()
      expect((await turn.result()).status).toBe('completed')
      expect(house.turns.runningCount()).toBe(0)
    })

    it('run once for one Idempotency-Key, however many ask at once, and refuse another request with it', async () => {
      house.model = scriptedModel({ price })
      const request = () => asks(house.principal, { idempotencyKey: 'key-1' })
      const turns = await Promise.all(Array.from({ length: 8 }, () => house.turns.start(request())))
      expect(new Set(turns.map((turn) => turn.id)).size).toBe(1)
      expect(turns.filter((turn) => !turn.replayed)).toHaveLength(1)
      for (const turn of turns) expect((await turn.result()).status).toBe('completed')
      expect(house.model.queries).toHaveLength(1)
      const again = await house.turns.start(request())
      expect(again).toMatchObject({ id: turns[0]!.id, replayed: true })
      await expect(house.turns.start({ ...request(), sampling: { temperature: 1 } })).rejects.toMatchObject({
        code: 'conflict',
      })
    })

    it('fail in their own events, after they have begun, with what was used', async () => {
      house.model = scriptedModel({
        price,
        scripts: [
          { batches: [[{ type: 'text', text: 'Half an ' }]], failure: new AppError('upstream-unreachable', 'Gone') },
        ],
      })
      const turn = await house.turns.start(asks(house.principal))
      const state = await turn.result()
      expect(state).toMatchObject({ status: 'failed', error: { code: 'upstream-unreachable' } })
      expect(partsOf(state)).toEqual([{ type: 'text', text: 'Half an ' }])
      expect(state.usage.estimated).toBe(true)
      expect(state.usage.outputTokens).toBeGreaterThan(0)
      expect(state.costMicros).toBeGreaterThan(0)
    })

    it('take commands only while they run', async () => {
      house.model = scriptedModel({ scripts: [{ batches: [[finish('stop', {})]] }], price })
      const turn = await house.turns.start(asks(house.principal))
      await turn.result()
      expect(await house.turns.command(house.principal, turn.id, { type: 'cancel' })).toBe('ended')
    })
  })

function visible(raw: Envelope[]): Envelope[] {
  return raw.filter(({ audience }) => audience !== 'internal')
}
