import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ConversationAsk, type Message, textOf } from '#contracts/index.ts'
import type { App } from '#features/apps/index.ts'
import { shortId } from '#lib/short-id.ts'
import { databaseKinds } from '#test/support/databases.ts'
import { refused } from '#test/support/refusal.ts'
import { says, scriptedModel } from '#test/support/scripted-model.ts'
import { asks, type TurnHouse, turnHouse } from '#test/support/turn-house.ts'

for (const kind of databaseKinds)
  describe(`what a turn asks of its conversation, on ${kind}`, () => {
    let house: TurnHouse
    let told: object[]
    beforeAll(async () => {
      told = []
      house = await turnHouse(kind, {
        subscribersOf: (event) => {
          if (event.type === 'chat-settled') told.push(event)
          return []
        },
      })
    })
    afterAll(() => house.close())

    const makeApp = (): Promise<App> =>
      house.rooms.apps.create(house.principal as never, { name: 'Bot', config: { model: 'own' } })

    /** Says something to an app; gives what the model was asked, and the turn. */
    async function say(app: App, text: string, conversation: ConversationAsk = {}, more: object = {}) {
      house.model = scriptedModel({ scripts: [says(`re ${text}`)] })
      const messages: Message[] = [{ role: 'user', parts: [{ type: 'text', text }] }]
      const target = { type: 'app' as const, appId: app.publicId }
      const request = asks(house.principal, { target, messages, newConversation: true, conversation, ...more })
      const turn = await house.turns.start(request)
      await turn.result()
      const query = house.model.queries[0]!
      return {
        turn,
        model: query.model,
        tools: query.tools.map(({ name }) => name),
        said: query.messages.map(({ parts }) => textOf(parts)),
      }
    }

    it('changes of its settings what it names, also when two change them at the same moment', async () => {
      const app = await makeApp()
      const { turn } = await say(app, 'a', { continueLast: true })
      house.model = scriptedModel({ scripts: [says('b'), says('c')] })
      const changes = [{ model: 'other' }, { metadata: { of: 'c' } }]
      const turns = await Promise.all(
        changes.map((settings) =>
          house.turns.start(
            asks(house.principal, {
              target: { type: 'app', appId: app.publicId },
              newConversation: true,
              conversation: { continueLast: true, settings },
            }),
          ),
        ),
      )
      await Promise.all(turns.map((one) => one.result()))
      expect(turns.map((one) => one.conversationId)).toEqual([turn.conversationId, turn.conversationId])
      const { settings } = await house.database.read
        .selectFrom('conversations')
        .select('settings')
        .where('public_id', '=', turn.conversationId!)
        .executeTakeFirstOrThrow()
      expect(JSON.parse(settings)).toEqual({ model: 'other', metadata: { of: 'c' } })
    })

    it('goes on in the last one about the same only, and begins one where there is none', async () => {
      const app = await makeApp()
      const last = { continueLast: true }
      const first = await say(app, 'a', last)
      const about = await say(app, 'b', { ...last, objectId: 'o' })
      const both = await say(app, 'c', { ...last, objectId: 'o', externalUserId: 'u' })
      expect(new Set([first, about, both].map(({ turn }) => turn.conversationId)).size).toBe(3)
      expect((await say(app, 'd', last)).said).toEqual(['a', 're a', 'd'])
      expect((await say(app, 'e', { ...last, objectId: 'o' })).said).toEqual(['b', 're b', 'e'])
      expect((await say(app, 'f', { ...last, objectId: 'o', externalUserId: 'u' })).said).toEqual(['c', 're c', 'f'])
      expect((await say(app, 'g')).said).toEqual(['g'])
      expect((await say(app, 'h', last)).said).toEqual(['g', 're g', 'h'])
      const other = await makeApp()
      expect((await say(other, 'i', last)).said).toEqual(['i'])
    })

    it('switches the model with the turn that asks for it, until it is gone', async () => {
      const app = await makeApp()
      const last = { continueLast: true }
      expect((await say(app, 'a', last)).model).toBe('own')
      expect((await say(app, 'b', { ...last, settings: { model: 'other' } })).model).toBe('other')
      expect((await say(app, 'c', last)).model).toBe('other')
      expect((await say(app, 'd', { settings: { model: 'third' } })).model).toBe('third')
      expect((await say(app, 'e', last)).model).toBe('third')
      expect((await say(app, 'f', { ...last, settings: { model: 'gone' } })).model).toBe('own')
    })

    it('sets its tools, and refuses one that is not there without changing anything', async () => {
      const app = await makeApp()
      const last = { continueLast: true }
      expect((await say(app, 'a', { settings: { tools: ['look_up'] } })).tools).toEqual(['look_up'])
      const { tools, turn } = await say(app, 'b', last)
      expect(tools).toEqual(['look_up'])
      const before = await house.witness.rows('select id, settings from conversations order by id')
      const wrong = { ...last, settings: { tools: ['look_up', 'no_tool'] } }
      await refused('unsupported', () => say(app, 'c', wrong), 'no_tool')
      expect(await house.witness.rows('select id, settings from conversations order by id')).toEqual(before)
      // What a client brings itself goes before ours of the same name.
      const own = { tools: [{ name: 'look_up', side: 'client' as const }] }
      expect((await say(app, 'd', last, own)).tools).toEqual(['look_up'])
      expect((await say(app, 'e', { ...last, settings: { tools: [] } })).tools).toEqual([])
      expect((await say(app, 'f', last)).tools).toEqual([])
      expect(turn.conversationId).toBe((await say(app, 'g', last)).turn.conversationId)
    })

    it('is not given what was cleared', async () => {
      const app = await makeApp()
      const last = { continueLast: true }
      await say(app, 'a', last)
      await say(app, 'b', { ...last, objectId: 'o' })
      const nothing = { objectId: null, externalUserId: null }
      await house.deps.conversations.clear(house.principal, { appId: app.id, ...nothing, objectId: 'o' })
      expect((await say(app, 'c', { ...last, objectId: 'o' })).said).toEqual(['c'])
      expect((await say(app, 'd', last)).said).toEqual(['a', 're a', 'd'])
      await house.deps.conversations.clear(house.principal, { appId: app.id, ...nothing })
      expect((await say(app, 'e', last)).said).toEqual(['e'])
      expect((await say(app, 'f', { ...last, objectId: 'o' })).said).toEqual(['f'])
      expect((await say(app, 'g', last)).said).toEqual(['e', 're e', 'g'])
    })

    it('keeps visitors’ conversations out of their app’s creator’s', async () => {
      const app = await makeApp()
      const visitor = { principal: { ...house.principal, role: 'member', app: { id: app.id, publicId: app.publicId } } }
      const last = { continueLast: true }
      const visit = await say(app, 'a', last, visitor)
      expect((await say(app, 'b', last, visitor)).said).toEqual(['b'])
      expect((await say(app, 'c', last)).said).toEqual(['c'])
      const rows = await house.witness.rows('select public_id, visitor from turns order by id desc limit 3')
      expect(rows.map(({ visitor: flag }) => Number(flag))).toEqual([0, 1, 1])
      // Nor does clearing his own touch theirs.
      await house.deps.conversations.clear(house.principal, { appId: app.id, objectId: null, externalUserId: null })
      const again = await say(app, 'd', {}, { ...visitor, conversationId: visit.turn.conversationId })
      expect(again.said).toEqual(['a', 're a', 'd'])
    })

    it('tells the history of turns of apps and conversations, and of no others', async () => {
      const app = await makeApp()
      told.length = 0
      const { turn } = await say(app, 'a')
      await (await house.turns.start(asks(house.principal, { conversationId: 'x', newConversation: true }))).result()
      for (const delivery of ['whole', 'stream'] as const)
        await (await house.turns.start(asks(house.principal, { delivery }))).result()
      const rows = await house.witness.rows('select id, public_id from turns order by id desc limit 4')
      expect(told).toEqual([
        { type: 'chat-settled', turn: Number(rows[3]!.id) },
        { type: 'chat-settled', turn: Number(rows[2]!.id) },
      ])
      expect(rows[3]!.public_id).toBe(turn.id)
    })

    it('is a turn by both of its names', async () => {
      const { turn } = await say(await makeApp(), 'a')
      const name = shortId(turn.id)
      expect((await house.turns.view(house.principal, name)).id).toBe(turn.id)
      expect((await house.turns.attach(house.principal, name.toUpperCase())).id).toBe(turn.id)
      expect(await house.turns.command(house.principal, name, { type: 'cancel' })).toBe('ended')
      const stranger = (await house.rooms.person('stranger')).principal
      for (const id of [name, 'f'.repeat(24), 'f'.repeat(23)]) {
        await refused('not-found', () => house.turns.view(stranger, id))
        await refused('not-found', () => house.turns.attach(stranger, id))
        await refused('not-found', () => house.turns.command(stranger, id, { type: 'cancel' }))
      }
    })
  })
