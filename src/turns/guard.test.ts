import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Envelope, type Guardrail, partsOf, textOf } from '#contracts/index.ts'
import { AppError } from '#errors/index.ts'
import { databaseKinds } from '#test/support/databases.ts'
import { expectGuarantees } from '#test/support/guarantees.ts'
import { ruleOf } from '#test/support/guardrails.ts'
import { breath, calls, finish, says, scriptedModel } from '#test/support/scripted-model.ts'
import { asks, type TurnHouse, turnHouse } from '#test/support/turn-house.ts'
import type { Turn } from './turn.ts'

const user = (text: string) => ({ role: 'user' as const, parts: [{ type: 'text' as const, text }] })
const secret = (action: 'block' | 'mask' | 'flag', where: Guardrail['where']) =>
  ruleOf({ kind: 'words', words: ['secret'], match: 'part', replacement: '#' }, action, { where })
const judge = (action: 'block' | 'mask' | 'flag', where: Guardrail['where'], id = 1) =>
  ruleOf({ kind: 'judge', model: 'guard', instructions: 'x', onOutage: 'closed' }, action, { where, id })

for (const kind of databaseKinds)
  describe(`guardrails of a turn on ${kind}`, () => {
    let house: TurnHouse
    let result = 'Found it.'
    beforeAll(async () => {
      house = await turnHouse(kind, {
        price: { input: 1_000_000, output: 1_000_000 },
        subscribersOf: ({ type }) => (type === 'guardrail-hit' ? ['anybody'] : []),
        runTool: async () => ({ result, isError: false }),
      })
    })
    afterAll(() => house.close())

    async function read(turn: Turn): Promise<Envelope[]> {
      const log: Envelope[] = []
      for await (const batch of turn.read()) log.push(...batch)
      expectGuarantees(log, { merged: true })
      return log
    }

    const rows = (turn: Turn) =>
      house.witness.rows(`select v.* from guardrail_violations v where v.turn_id = '${turn.id}' order by v.id`)

    it('have stored what they found when the end is seen, and told of it, once, also when the disk was full', async () => {
      house.guardrails = [secret('mask', 'output')]
      house.model = scriptedModel({ scripts: [says('a sec', 'ret!')] })
      const { write } = house.database
      let failed = 0
      house.database.write = async (work) =>
        write(async (tx) => {
          const done = await work(tx)
          // After everything of the settlement was done.
          const [ended] = await tx.db
            .selectFrom('turn_outputs')
            .select('turn_id')
            .where('parts', 'like', '%a #!%')
            .execute()
          if (ended && failed++ === 0) throw new AppError('overloaded', 'The disk is full')
          return done
        })
      const turn = await house.turns.start(asks(house.principal))
      const state = await turn.result()
      house.database.write = write
      expect(failed).toBeGreaterThan(1)
      expect(textOf(partsOf(state))).toBe('a #!')
      expect(await rows(turn)).toMatchObject([{ rule_name: 'rule', direction: 'output', excerpt: 'a #' }])
      const told = (await house.witness.rows('select payload from jobs')).map((row) => String(row.payload))
      expect(told.filter((payload) => payload.includes(turn.id))).toHaveLength(1)
      expect(told[0]).toContain('"where":"output"')
      expect(house.errors).toHaveLength(1)
      house.errors.length = 0
    })

    it('are those that it began with', async () => {
      let go = () => {}
      const started = new Promise<void>((resolve) => {
        go = resolve
      })
      house.guardrails = [secret('mask', 'output')]
      house.model = scriptedModel({ scripts: [says('a secret!')], before: () => started })
      const turn = await house.turns.start(asks(house.principal))
      house.guardrails = []
      go()
      expect(textOf(partsOf(await turn.result()))).toBe('a #!')
    })

    it('look at results of tools: masked ones are read so, blocked ones end the turn with every call answered', async () => {
      const tools = [
        { name: 'look_up', side: 'server' as const },
        { name: 'ask_user', side: 'client' as const },
      ]
      result = 'It is a secret.'
      house.guardrails = [secret('mask', 'input')]
      house.model = scriptedModel({ scripts: [calls({ callId: 'a', name: 'look_up' }), says('Thanks.')] })
      const masked = await house.turns.start(asks(house.principal, { tools }))
      await masked.result()
      expect(house.model.queries[1]!.messages.at(-1)!.parts).toMatchObject([{ result: 'It is a #.', isError: false }])

      house.guardrails = [secret('block', 'input')]
      house.model = scriptedModel({
        scripts: [calls({ callId: 'a', name: 'ask_user' }, { callId: 'b', name: 'look_up' }), says('never')],
      })
      const blocked = await house.turns.start(asks(house.principal, { tools }))
      const log = await read(blocked)
      expect(house.model.queries).toHaveLength(1)
      expect(log.at(-1)!.event).toMatchObject({ outcome: 'failed', error: { details: { where: 'tool-result' } } })
      expect(JSON.stringify(log)).not.toContain('secret')
      expect(await rows(blocked)).toMatchObject([{ place: 'tool-result', direction: 'input' }])
      result = 'Found it.'
    })

    it('that ask are paid for by the turn, as internal calls that are over', async () => {
      house.guardrails = [judge('block', 'both'), judge('flag', 'output', 2)]
      const usage = { inputTokens: 100, outputTokens: 1 }
      const verdict = (word: string) => ({
        batches: [[{ type: 'text' as const, text: word }, finish('stop', usage)]],
      })
      house.model = scriptedModel({
        price: { input: 1_000_000, output: 1_000_000 },
        answer: (query) =>
          query.model === 'guard'
            ? verdict('ALLOW')
            : { batches: [[{ type: 'text', text: 'Fine. ' }], [finish('stop', { inputTokens: 7, outputTokens: 2 })]] },
      })
      const turn = await house.turns.start(asks(house.principal))
      const state = await turn.result()
      // Once about the input, once about the sentence, once about the whole.
      expect(house.model.queries.map(({ model }) => model)).toEqual(['guard', 'm', 'guard', 'guard'])
      expect(state.usage).toMatchObject({ inputTokens: 307, outputTokens: 5 })
      expect(state.costMicros).toBe(3 * 101 + 9)
      const [row] = await house.witness.rows(`select * from turns where public_id = '${turn.id}'`)
      expect(Number(row!.cost_micros)).toBe(3 * 101 + 9)
      expect(row!.upstream).toBe('scripted')
    })

    it('of a turn that is cancelled while they ask: no model sees the input, and nothing of it is stored', async () => {
      house.guardrails = [judge('block', 'input')]
      let asked = () => {}
      const waiting = new Promise<void>((resolve) => {
        asked = resolve
      })
      house.model = scriptedModel({
        before: (signal) =>
          new Promise((resolve) => {
            signal.addEventListener('abort', () => resolve())
            asked()
          }),
      })
      const turn = await house.turns.start(
        asks(house.principal, { messages: [user('unheard')], newConversation: true }),
      )
      await waiting
      await breath()
      expect(await house.turns.command(house.principal, turn.id, { type: 'cancel' })).toBe('applied')
      const log = await read(turn)
      expect(log.at(-1)!.event).toMatchObject({ outcome: 'cancelled' })
      expect(house.model.queries).toHaveLength(1)
      const [input] = await house.witness.rows(
        `select i.messages, c.title from turns t join turn_inputs i on i.turn_id = t.id
         join conversations c on c.id = t.conversation_id where t.public_id = '${turn.id}'`,
      )
      expect(input).toEqual({ messages: '[]', title: '' })
    })

    it('let an input be stored, and its conversation be named, once they have let it through', async () => {
      for (const delivery of ['stream', 'whole'] as const) {
        house.guardrails = [judge('mask', 'input'), { ...secret('mask', 'input'), id: 2 }]
        house.model = scriptedModel({ scripts: [says('ALLOW'), says('Hi.')] })
        const request = { messages: [user('my secret')], newConversation: true, delivery }
        const turn = await house.turns.start(asks(house.principal, request))
        await turn.result()
        // Who is asked is not told what other rules mask.
        expect(house.model.queries[0]!.messages[1]!.parts).toEqual([{ type: 'text', text: '"my #"' }])
        const [input] = await house.witness.rows(
          `select i.messages, c.title from turns t join turn_inputs i on i.turn_id = t.id
           join conversations c on c.id = t.conversation_id where t.public_id = '${turn.id}'`,
        )
        expect(input!.title).toBe('my #')
        expect(JSON.parse(input!.messages as string)).toEqual([user('my #')])
      }
    })

    it('mask as a whole what a judge finds, for the model and for the history', async () => {
      house.guardrails = [judge('mask', 'input')]
      house.model = scriptedModel({ scripts: [says('BLOCK'), says('Hi.')] })
      const turn = await house.turns.start(asks(house.principal, { messages: [user('something rude')] }))
      await turn.result()
      expect(house.model.queries[1]!.messages).toEqual([user('[removed]')])
      const [input] = await house.witness.rows(
        `select i.messages from turns t join turn_inputs i on i.turn_id = t.id where t.public_id = '${turn.id}'`,
      )
      expect(JSON.parse(input!.messages as string)).toEqual([user('[removed]')])
    })

    it('do not look into the summary of what did not fit, which nobody is shown', async () => {
      house.guardrails = [secret('block', 'output')]
      const app = await house.rooms.apps.create(house.principal, {
        name: 'Short',
        config: { model: 'm', contextStrategy: 'summarize', contextMaxTokens: 60 },
      })
      house.model = scriptedModel({ scripts: [says('They spoke of a secret.'), says('Hello.')] })
      const messages = [user('long '.repeat(60)), { role: 'assistant' as const, parts: [] }, user('and now?')]
      const turn = await house.turns.start(
        asks(house.principal, { target: { type: 'app', appId: app.publicId }, messages }),
      )
      expect(await turn.result()).toMatchObject({ status: 'completed' })
    })
  })
