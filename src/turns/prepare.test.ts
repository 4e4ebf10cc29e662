import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Message, partsOf, textOf } from '#contracts/index.ts'
import { databaseKinds } from '#test/support/databases.ts'
import { calls, says, scriptedModel } from '#test/support/scripted-model.ts'
import { asks, type TurnHouse, turnHouse } from '#test/support/turn-house.ts'

const say = (role: Message['role'], text: string): Message => ({ role, parts: [{ type: 'text', text }] })

for (const kind of databaseKinds)
  describe(`what a model is given, on ${kind}`, () => {
    let house: TurnHouse
    beforeAll(async () => {
      house = await turnHouse(kind)
    })
    afterAll(() => house.close())

    async function run(more: Parameters<typeof asks>[1], answer = 'Ok.') {
      house.model = scriptedModel({ scripts: [says(answer)] })
      const turn = await house.turns.start(asks(house.principal, more))
      await turn.result()
      const said = house.model.queries[0]!.messages.map(({ role, parts }) => [role, textOf(parts)])
      return { turn, said, query: house.model.queries[0]! }
    }

    it('is the request as it came, where there is no conversation', async () => {
      const messages = [say('user', 'a'), say('system', 'in the middle'), say('assistant', 'b'), say('user', 'c')]
      expect((await run({ messages })).said).toEqual(messages.map(({ role, parts }) => [role, textOf(parts)]))
    })

    it('is the history and what is new, in a conversation, however much the caller repeats', async () => {
      const session = { conversationId: 'one', newConversation: true }
      const first = await run({ ...session, messages: [say('user', 'Hi')] }, 'Hello.')
      const repeated = [say('system', 'Be brief'), say('user', 'Hi'), say('assistant', 'Hello.'), say('user', 'And?')]
      const second = await run({ ...session, messages: repeated }, 'Yes.')
      expect(second.turn.conversationId).toBe(first.turn.conversationId)
      expect(second.said).toEqual([
        ['system', 'Be brief'],
        ['user', 'Hi'],
        ['assistant', 'Hello.'],
        ['user', 'And?'],
      ])
      const third = await run({ ...session, messages: [say('user', 'Bye')] })
      expect(third.said.map(([, text]) => text)).toEqual(['Hi', 'Hello.', 'And?', 'Yes.', 'Bye'])
    })

    it('has what a first request of a conversation brings along, once', async () => {
      const messages = [say('user', 'before'), say('assistant', 'long ago'), say('user', 'now')]
      const session = { conversationId: 'brings', newConversation: true }
      await run({ ...session, messages })
      const { said } = await run({ ...session, messages: [say('user', 'next')] })
      expect(said.map(([, text]) => text)).toEqual(['before', 'long ago', 'now', 'Ok.', 'next'])
    })

    it('begins with the app’s prompt, keeps to its history and its model, and lets the request’s sampling win', async () => {
      const app = await house.rooms.apps.create(
        house.principal as never,
        {
          name: 'Terse',
          type: 'chat',
          config: {
            model: 'own-model',
            systemPrompt: 'Be terse.',
            temperature: 0.2,
            maxOutputTokens: 9,
            historyLength: 1,
          },
        } as never,
      )
      const target = { type: 'app' as const, appId: app.publicId }
      const session = { target, conversationId: 'app-session', newConversation: true }
      for (const text of ['one', 'two']) await run({ ...session, messages: [say('user', text)] })
      const { said, query } = await run({ ...session, messages: [say('user', 'three')], sampling: { temperature: 1 } })
      expect(said).toEqual([
        ['system', 'Be terse.'],
        ['user', 'two'],
        ['assistant', 'Ok.'],
        ['user', 'three'],
      ])
      expect(query.model).toBe('own-model')
      expect(query.sampling).toMatchObject({ temperature: 1, maxOutputTokens: 9 })
    })

    it('goes on after a pause with the results that the client brings, alone or with all that was said', async () => {
      const session = {
        conversationId: 'tools',
        newConversation: true,
        tools: [{ name: 'look', side: 'client' as const }],
      }
      const result: Message = {
        role: 'tool',
        parts: [{ type: 'tool-result', callId: 'c1', result: 'Found', isError: false }],
      }
      for (const conversationId of ['tools-alone', 'tools-repeated']) {
        house.model = scriptedModel({ scripts: [calls({ callId: 'c1', name: 'look' })] })
        const first = await house.turns.start(asks(house.principal, { ...session, conversationId }))
        const paused = await first.result()
        expect(paused.status).toBe('paused')
        const repeated = [say('user', 'Hello'), { role: 'assistant' as const, parts: partsOf(paused) }, result]
        const { query } = await run({
          ...session,
          conversationId,
          messages: conversationId === 'tools-alone' ? [result] : repeated,
        })
        expect(query.messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'tool'])
        expect(query.messages[2]!.parts).toEqual(result.parts)
      }
    })

    it('is of one conversation when its first messages come at the same moment', async () => {
      house.model = scriptedModel()
      const turns = await Promise.all(
        Array.from({ length: 5 }, () =>
          house.turns.start(asks(house.principal, { conversationId: 'at-once', newConversation: true })),
        ),
      )
      for (const turn of turns) await turn.result()
      expect(new Set(turns.map((turn) => turn.conversationId)).size).toBe(1)
      expect(new Set(turns.map((turn) => turn.id)).size).toBe(5)
    })

    it('is refused before anything is written: no messages, an unknown or archived session, one of another app', async () => {
      const refused = (more: Parameters<typeof asks>[1]) => house.turns.start(asks(house.principal, more))
      await expect(refused({ messages: [] })).rejects.toMatchObject({ code: 'invalid-request' })
      await expect(refused({ conversationId: 'nobody' })).rejects.toMatchObject({ code: 'not-found' })
      await expect(refused({ target: { type: 'app', appId: crypto.randomUUID() } })).rejects.toMatchObject({
        code: 'not-found',
      })
      const { turn } = await run({ conversationId: 'old', newConversation: true })
      await house.deps.conversations.archive(house.principal, turn.conversationId!)
      await expect(refused({ conversationId: 'old' })).rejects.toMatchObject({ code: 'conflict' })
    })

    it('is somebody else’s session to nobody: the same name is another conversation', async () => {
      const session = { conversationId: 'ours', newConversation: true }
      const mine = await run({ ...session, messages: [say('user', 'secret')] })
      const stranger = (await house.rooms.person('stranger')).principal
      house.model = scriptedModel()
      const theirs = await house.turns.start(asks(stranger, session))
      await theirs.result()
      expect(theirs.conversationId).not.toBe(mine.turn.conversationId)
      expect(JSON.stringify(house.model.queries)).not.toContain('secret')
      await expect(house.turns.attach(stranger, mine.turn.id)).rejects.toMatchObject({ code: 'not-found' })
      await expect(house.turns.view(stranger, mine.turn.id)).rejects.toMatchObject({ code: 'not-found' })
      await expect(house.turns.command(stranger, mine.turn.id, { type: 'cancel' })).rejects.toMatchObject({
        code: 'not-found',
      })
      const byId = asks(stranger, { conversationId: mine.turn.conversationId! })
      await expect(house.turns.start(byId)).rejects.toMatchObject({ code: 'not-found' })
    })
  })
