import { describe, expect, it } from 'vitest'
import { databaseKinds } from '#test/support/databases.ts'
import { askBot } from '#test/support/kadal-client.ts'
import { registered } from '#test/support/people.ts'
import { useStory } from '#test/support/story.ts'

for (const kind of databaseKinds)
  describe(`conversations under /v1, on ${kind}`, () => {
    const story = useStory(kind)

    async function someone() {
      const { headers } = await registered(story, 'somebody')
      const made = await story.api('POST', '/api/v1/applications', { name: 'Bot', model: 'gpt-sim' }, headers)
      return { headers, app: made.body.data as { id: string; slug: string } }
    }
    const get = (path: string, headers: Record<string, string>) =>
      story.api('GET', `/v1/conversations${path}`, undefined, headers)
    const titles = async (query: string, headers: Record<string, string>) =>
      (await get(query, headers)).body.data.map((one: { title: string }) => one.title)

    it('lists what was said through every door, newest first, by pages', async () => {
      const { headers, app } = await someone()
      await askBot(story, app.id, 'through Kadal', { headers })
      await story.api(
        'POST',
        `/api/v1/chat/${app.id}/chat/completions`,
        { messages: [{ role: 'user', content: 'through the app' }] },
        { ...headers, 'x-session-id': 's' },
      )
      await story.api(
        'POST',
        '/v1/chat/completions',
        { model: 'gpt-sim', messages: [{ role: 'user', content: 'through /v1' }] },
        { ...headers, 'x-session-id': 's' },
      )
      const all = ['through /v1', 'through the app', 'through Kadal']
      expect(await titles('', headers)).toEqual(all)
      expect(await titles('?order=asc', headers)).toEqual([...all].reverse())
      expect((await get('?limit=2', headers)).body).toMatchObject({
        object: 'list',
        total: 3,
        limit: 2,
        offset: 0,
        has_more: true,
      })
      expect((await get('?limit=2&offset=2', headers)).body).toMatchObject({
        total: 3,
        has_more: false,
        data: [{ title: 'through Kadal' }],
      })
      expect(await titles(`?app=${app.slug}`, headers)).toEqual(all.slice(1))
      for (const bad of ['?limit=0', '?limit=101', '?order=up', '?offset=-1', `?text=${'x'.repeat(501)}`])
        expect((await get(bad, headers)).status, bad).toBe(400)
      expect((await get('?app=none', headers)).status).toBe(404)
    })

    it('finds those in which something was said, at once, with and without an app', async () => {
      const { headers, app } = await someone()
      await askBot(story, app.id, '첫 번째 이야기', { headers })
      await askBot(story, app.id, 'zweite Straße', { headers })
      await story.api(
        'POST',
        '/v1/chat/completions',
        { model: 'gpt-sim', messages: [{ role: 'user', content: 'without an app: STRASSE' }] },
        { ...headers, 'x-session-id': 's' },
      )
      expect(await titles('?text=strasse', headers)).toEqual(['without an app: STRASSE', 'zweite Straße'])
      expect(await titles(`?text=strasse&app=${app.id}`, headers)).toEqual(['zweite Straße'])
      expect(await titles(`?text=${encodeURIComponent('이야')}`, headers)).toEqual(['첫 번째 이야기'])
      expect(await titles('?text=%25', headers)).toEqual([])
      for (const blank of ['', '%20%09']) expect(await titles(`?text=${blank}`, headers), blank).toHaveLength(3)
      expect(await titles('?text=nowhere', headers)).toEqual([])
      const other = await someone()
      expect(await titles('?text=strasse', other.headers)).toEqual([])
    })

    it('shows one with its messages, under both forms of its id', async () => {
      const { headers, app } = await someone()
      const asked = await askBot(story, app.id, 'Hi', { headers })
      await askBot(story, app.id, 'And?', { headers, params: { continue_last_chat: true } })
      const turn = (await story.api('GET', `/api/v1/turns/${asked.id}`, undefined, headers)).body.data
      for (const id of [turn.conversation_id, `conv_${turn.conversation_id}`]) {
        const { body } = await get(`/${id}`, headers)
        expect(body).toMatchObject({
          id: turn.conversation_id,
          object: 'conversation',
          title: 'Hi',
          model: 'gpt-sim',
          app: app.id,
          status: 'active',
          message_count: 4,
          metadata: {},
          created_at: expect.any(Number),
          messages: [
            { object: 'conversation.message', role: 'user', content: 'Hi', turn_id: turn.id },
            { role: 'assistant', content: 'You said: Hi' },
            { role: 'user', content: 'And?' },
            { role: 'assistant', content: 'You said: And?' },
          ],
        })
      }
      expect((await get(`/${turn.conversation_id}?turns=1`, headers)).body.messages).toHaveLength(2)
      const stranger = await someone()
      for (const id of [turn.conversation_id, crypto.randomUUID(), 'conv_x']) {
        const answer = await get(`/${id}`, stranger.headers)
        expect(answer.status).toBe(404)
        expect(answer.body.error).toMatchObject({ type: 'not_found_error' })
      }
    })

    it('shows what was called and what came of it', async () => {
      const { headers } = await someone()
      const call = { id: 'call_a', type: 'function', function: { name: 'weather', arguments: '{"city":"Oslo"}' } }
      story.upstream.script({ toolCalls: [{ id: call.id, ...call.function }] }, { text: 'It is cold.' })
      const tools = [{ type: 'function', function: { name: 'weather', parameters: { type: 'object' } } }]
      const say = (message: object) =>
        story.api(
          'POST',
          '/v1/chat/completions',
          { model: 'gpt-sim', messages: [message], tools },
          { ...headers, 'x-session-id': 'weather' },
        )
      await say({ role: 'user', content: 'Oslo?' })
      const last = await say({ role: 'tool', tool_call_id: call.id, content: '-3 °C' })
      const turn = (await story.api('GET', `/api/v1/turns/${last.headers.get('x-turn-id')}`, undefined, headers)).body
      const { messages } = (await get(`/${turn.data.conversation_id}`, headers)).body
      expect(messages).toMatchObject([
        { role: 'user', content: 'Oslo?' },
        { role: 'assistant', content: '', tool_calls: [call] },
        { role: 'tool', content: '-3 °C', tool_call_id: call.id },
        { role: 'assistant', content: 'It is cold.' },
      ])
      expect(messages[3]).not.toHaveProperty('tool_calls')
    })

    it('makes and changes them', async () => {
      const { headers, app } = await someone()
      const make = (body: object) => story.api('POST', '/v1/conversations', body, headers)
      const made = await make({ title: ' Plans ', app: app.id, model: 'builtin/extractive', metadata: { topic: 'x' } })
      expect(made.body).toMatchObject({
        title: 'Plans',
        app: app.id,
        model: 'builtin/extractive',
        message_count: 0,
        metadata: { topic: 'x' },
      })
      const unset = await make({ title: null, app: null, model: null, metadata: null })
      expect(unset.body).toMatchObject({ title: '', app: null, model: null, metadata: {} })
      const said = await story.api(
        'POST',
        '/api/v1/chat/completions',
        { session_id: made.body.id, message: 'Hello' },
        headers,
      )
      const look = async (turn: string) =>
        (await story.api('GET', `/api/v1/turns/${turn}`, undefined, headers)).body.data
      expect(await look(said.headers.get('x-turn-id')!)).toMatchObject({ model: 'builtin/extractive' })
      const change = (method: string, body: object) =>
        story.api(method, `/v1/conversations/${made.body.id}`, body, headers)
      expect((await change('PATCH', { title: 'New plans' })).body).toMatchObject({
        title: 'New plans',
        model: 'builtin/extractive',
      })
      expect((await change('PUT', { model: null, metadata: null })).body).toMatchObject({
        title: 'New plans',
        metadata: {},
      })
      const again = await story.api(
        'POST',
        '/api/v1/chat/completions',
        { session_id: made.body.id, message: 'Hello' },
        headers,
      )
      expect(await look(again.headers.get('x-turn-id')!)).toMatchObject({ model: 'gpt-sim' })
      const sentBack = (await get(`/${made.body.id}`, headers)).body
      expect((await change('PUT', sentBack)).status).toBe(200)
      expect((await change('PATCH', { system_prompt: 'x' })).body.error).toMatchObject({
        code: 'unsupported',
        param: 'system_prompt',
      })
      await change('PATCH', { status: 'archived' })
      expect(
        (await story.api('POST', '/api/v1/chat/completions', { session_id: made.body.id, message: 'x' }, headers))
          .status,
      ).toBe(409)
      for (const bad of [{ model: 'builtin/none' }, { app: crypto.randomUUID() }])
        expect((await make(bad)).status).toBe(404)
      for (const bad of [
        { messages: [] },
        { system_prompt: 'x' },
        { title: 7 },
        { metadata: { x: 'y'.repeat(16_001) } },
      ])
        expect((await make(bad)).status, JSON.stringify(bad).slice(0, 40)).toBe(400)
      expect((await get('', headers)).body.total).toBe(2)
    })
  })
