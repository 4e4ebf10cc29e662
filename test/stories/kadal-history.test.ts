import { describe, expect, it } from 'vitest'
import { databaseKinds } from '#test/support/databases.ts'
import { askBot, postKadal } from '#test/support/kadal-client.ts'
import { addMember, registered, type StoryPerson } from '#test/support/people.ts'
import { useStory } from '#test/support/story.ts'

type Params = Record<string, string | number | boolean | undefined>
const none = {
  status_code: 404,
  message: 'No chat record found',
  total_count: 0,
  data: { has_continuations: false, chat_hist: [] },
}

for (const kind of databaseKinds)
  describe(`a bot’s history as Kadal’s clients read it, on ${kind}`, () => {
    const clock = { now: Date.now() }
    const story = useStory(kind, { overrides: { now: () => clock.now } })

    async function bot(headers: Record<string, string> = {}): Promise<{ id: string; token: string }> {
      const made = await story.api('POST', '/api/v1/applications', { name: 'Bot', model: 'gpt-sim' }, headers)
      return { id: made.body.data.id, token: made.body.data.access_token }
    }

    /** A page, as the document's example asks for it. */
    async function history(params: Params, body: unknown = {}, headers: Record<string, string> = {}) {
      const answer = await postKadal(story, '/v7/', params, body, headers)
      const text = await answer.all().catch((thrown: Error) => thrown.message.replace(/^.*?line: /, ''))
      return { status: answer.status, body: JSON.parse(text as string) }
    }
    async function said(params: Params, body: unknown = {}, headers: Record<string, string> = {}): Promise<string[]> {
      const page = await history(params, body, headers)
      if (page.status === 404) expect(page.body).toEqual(none)
      else expect(page.status, JSON.stringify(page.body)).toBe(200)
      return page.body.data.chat_hist.map((row: { user_query: string }) => row.user_query)
    }

    it('answers the document’s examples, to the letter', async () => {
      const { id } = await bot()
      const asked = await askBot(story, id, 'my search query is this', { params: { object_id: 'order-1' } })
      const params = { chat_bot_id: id, page_no: 1, page_size: 10, order: 'asc' }
      const me = (await story.api('GET', '/api/v1/auth/me')).body.data
      const { status, body } = await history(params, { text: 'Search  Query', created_by: me.id })
      expect(status).toBe(200)
      expect(body).toStrictEqual({
        status_code: 200,
        message: 'Chat history fetched successfully',
        total_count: 1,
        data: {
          has_continuations: false,
          chat_hist: [
            {
              _id: asked.id,
              tenant_id: me.workspace_id,
              user_id: me.id,
              object_id: 'order-1',
              user_query: 'my search query is this',
              bot_response: 'You said: my search query is this',
              chat_bot_id: id,
              user_type: 'internal',
              is_cleared: 0,
              creation_time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
              response_time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
              metadata: { category: 'chat' },
              is_positive: null,
              query_response_id: asked.id,
              chat_bot_name: 'Bot',
            },
          ],
        },
      })
      expect(await history(params, { text: 'search query', created_by: 'user123' })).toEqual({
        status: 404,
        body: none,
      })
      expect((await history(params, undefined)).status).toBe(200)
    })

    it('takes filters in the query and in the body, which wins, and pages as it is asked to', async () => {
      const { id } = await bot()
      for (const word of ['one', 'two', 'three', 'four', 'five'])
        await askBot(story, id, word, { params: word === 'two' ? { object_id: 'thing' } : {} })
      const of = { chat_bot_id: id }
      expect(await said(of)).toEqual(['five', 'four', 'three', 'two', 'one'])
      expect(await said({ ...of, order: 'asc', page_size: 2, page_no: 2 })).toEqual(['three', 'four'])
      expect(
        await said(
          { chat_bot_id: crypto.randomUUID(), order: 'desc' },
          { chat_bot_id: id, order: 'asc', page_size: 1 },
        ),
      ).toEqual(['one'])
      expect(await said({ ...of, text: 'one' }, { text: 'THREE' })).toEqual(['three'])
      expect(await said({ ...of, text: 'one' }, { text: null, created_by: '' })).toEqual(['one'])
      expect(await said({ ...of, object_id: 'thing' })).toEqual(['two'])
      expect(await said({ ...of, object_id: 'None', text: 'null' })).toHaveLength(5)
      expect(await said({ ...of, page_no: 9 })).toEqual([])
      const page = await history({ ...of, page_size: 2 })
      expect(page.body).toMatchObject({ total_count: 5, data: { has_continuations: true } })
      const last = await history({ ...of, page_size: 2, page_no: 3 })
      expect(last.body).toMatchObject({ total_count: 5, data: { has_continuations: false } })
    })

    it('has a page of at most a hundred rows, and says that there are more', async () => {
      const { id } = await bot()
      for (let index = 0; index < 101; index += 20)
        await Promise.all(Array.from({ length: Math.min(20, 101 - index) }, () => askBot(story, id, 'again')))
      const page = await history({ chat_bot_id: id, page_size: 5000 })
      expect(page.body.data.chat_hist).toHaveLength(100)
      expect(page.body).toMatchObject({ total_count: 101, data: { has_continuations: true } })
      expect(await said({ chat_bot_id: id, page_size: 5000, page_no: 2 })).toHaveLength(1)
    })

    it('shows administrators all, members what they said, and strangers nothing', async () => {
      const owner = await registered(story, 'owner')
      const member = await registered(story, 'member')
      await addMember(story, owner, member)
      const { id } = await bot(owner.headers)
      const inside = (who: StoryPerson) => ({ ...who.headers, 'x-workspace-id': owner.workspace })
      await askBot(story, id, 'from the owner', { headers: inside(owner) })
      await askBot(story, id, 'from the member', { headers: inside(member) })
      const of = { chat_bot_id: id, order: 'asc' }
      expect(await said(of, {}, inside(owner))).toEqual(['from the owner', 'from the member'])
      expect(await said(of, { created_by: member.id }, inside(owner))).toEqual(['from the member'])
      expect(await said(of, {}, inside(member))).toEqual(['from the member'])
      expect(await said(of, { created_by: owner.id }, inside(member))).toEqual([])
      expect(await said(of, { text: 'owner' }, inside(member))).toEqual([])
      const stranger = await registered(story, 'stranger')
      expect(await said(of, {}, stranger.headers)).toEqual([])
      expect(await said(of, { created_by: owner.id }, stranger.headers)).toEqual([])
    })

    it('marks visitors who came by the app’s access token', async () => {
      const { id, token } = await bot()
      const visit = { messages: [{ role: 'user', content: 'a visit' }] }
      await story.api('POST', `/api/v1/chat/${token}/chat/completions`, visit, { anonymous: 'yes' })
      await askBot(story, id, 'a member')
      const page = await history({ chat_bot_id: id, order: 'asc' })
      const types = page.body.data.chat_hist.map((row: Record<string, string>) => [row.user_query, row.user_type])
      expect(types).toEqual([
        ['a visit', 'external'],
        ['a member', 'internal'],
      ])
      const me = (await story.api('GET', '/api/v1/auth/me')).body.data
      expect(await said({ chat_bot_id: id, created_by: me.id })).toEqual(['a member'])
    })

    it('holds what was said through every door, also what failed', async () => {
      const { id } = await bot()
      await story.api('POST', `/api/v1/chat/${id}/chat/completions`, { messages: [{ role: 'user', content: 'app' }] })
      await story.api('POST', '/v1/chat/completions', {
        model: `app/${id}`,
        messages: [
          { role: 'user', content: 'before' },
          { role: 'assistant', content: 'yes' },
          { role: 'user', content: 'openai' },
        ],
      })
      story.upstream.script({ strike: { kind: 'status', status: 400 } })
      await askBot(story, id, 'fails')
      const page = await history({ chat_bot_id: id, order: 'asc' })
      const rows = page.body.data.chat_hist.map((row: Record<string, string>) => [row.user_query, row.bot_response])
      expect(rows).toEqual([
        ['app', 'You said: app'],
        ['openai', 'You said: openai'],
        ['fails', ''],
      ])
    })

    it('shows events with what they did, and leaves those of tools and models out when asked to', async () => {
      const { id } = await bot()
      const event = (metadata: object) => ({ body: { metadata: { category: 'event', ...metadata } } })
      await askBot(story, id, 'chat')
      await askBot(
        story,
        id,
        'tools',
        event({ type: 'tool', message: 'Off', tool_config: { web_search: false }, planted: 'x' }),
      )
      await askBot(story, id, 'model', event({ type: 'verbose', modelId: 'gpt-sim', modelVersion: '1' }))
      const of = { chat_bot_id: id, order: 'asc' }
      expect(await said(of)).toEqual(['chat', 'tools', 'model'])
      expect(await said({ ...of, exclude_tool_verbose: true })).toEqual(['chat'])
      expect(await said({ ...of, exclude_tool_verbose: true }, { exclude_tool_verbose: false })).toHaveLength(3)
      const page = await history(of)
      expect(page.body.data.chat_hist.map((row: { metadata: object }) => row.metadata)).toEqual([
        { category: 'chat' },
        { category: 'event', type: 'tool', message: 'Off', tool_config: { web_search: false, content_lake: false } },
        { category: 'event', type: 'verbose', modelId: 'gpt-sim', modelVersion: '1' },
      ])
      // Anybody may call metadata of his own so; that makes no event.
      await story.api('POST', '/v1/chat/completions', {
        model: `app/${id}`,
        messages: [{ role: 'user', content: 'posing' }],
        metadata: { category: 'event', type: 'tool' },
      })
      expect(await said({ ...of, exclude_tool_verbose: true })).toEqual(['chat', 'posing'])
    })

    it('finds words of two letters in any script, and takes no sign for an operator', async () => {
      const { id } = await bot()
      const sayings = [
        '오늘의 날씨는 어때요',
        '明日天气怎么样',
        'Straße 100% _"x"*',
        'cats OR dogs NEAR(here)',
        "it's'; --",
      ]
      for (const saying of sayings) await askBot(story, id, saying)
      const of = { chat_bot_id: id }
      for (const [text, index] of [
        ['날씨', 0],
        ['天气', 1],
        ['strasse', 2],
        ['100%', 2],
        ['_"x"*', 2],
        ['OR dogs', 3],
        ['near(', 3],
        ["'; --", 4],
      ] as const)
        expect(await said(of, { text }), text).toEqual([sayings[index]])
      for (const text of ['%', '_', '*', '"']) expect(await said(of, { text }), text).toEqual([sayings[2]])
      for (const text of ['%%%%', 'cats AND dogs', 'cats*', 'dog?', '" OR 1=1', 'x\\'])
        expect(await said(of, { text }), text).toEqual([])
    })

    it('shows a turn the moment its answer is complete, and what people thought of it', async () => {
      const { id } = await bot()
      for (let index = 0; index < 20; index++) {
        const { id: name } = await askBot(story, id, `q${index}`)
        const page = await history({ chat_bot_id: id, page_size: 1 })
        expect(page.body.data.chat_hist[0]).toMatchObject({ query_response_id: name, is_positive: null })
        expect(page.body.total_count).toBe(index + 1)
      }
      const thumb = async (is_positive: boolean | null) => {
        const page = await history({ chat_bot_id: id, page_size: 1 })
        const turn = page.body.data.chat_hist[0].query_response_id
        expect((await story.api('POST', `/api/v1/turns/${turn}/feedback`, { is_positive })).status).toBe(200)
        return (await history({ chat_bot_id: id, page_size: 1 })).body.data.chat_hist[0].is_positive
      }
      expect(await thumb(true)).toBe(true)
      expect(await thumb(false)).toBe(false)
      expect(await thumb(null)).toBe(null)
    })

    it('clears what the caller said: marked in the history, and no model is shown it', async () => {
      const { id } = await bot()
      const clear = (params: Params) =>
        story.api('POST', `/aiwb/chat/api/v7/clearhistory?${new URLSearchParams(params as never)}`)
      const say = async (message: string, params: Params = {}) => {
        await askBot(story, id, message, { params: { continue_last_chat: true, ...params } })
        const { messages } = story.upstream.requests.at(-1)!.body as { messages: { content: string }[] }
        return messages.map(({ content }) => content)
      }
      const flags = async () => {
        const page = await history({ chat_bot_id: id, order: 'asc' })
        return page.body.data.chat_hist.map((row: Record<string, unknown>) => row.is_cleared)
      }
      await say('one')
      await say('about a thing', { object_id: 'thing' })
      const done = await clear({ chat_bot_id: id, object_id: 'thing' })
      expect(done.status).toBe(200)
      expect(done.body).toStrictEqual({
        status_code: 200,
        message: 'Previous conversations deleted successfully',
        query_response_id: null,
        finish_reason: '',
      })
      expect(await flags()).toEqual([0, 1])
      expect(await say('two')).toEqual(['one', 'You said: one', 'two'])
      expect(await say('the thing again', { object_id: 'thing' })).toEqual(['the thing again'])
      await clear({ chat_bot_id: id })
      expect(await flags()).toEqual([1, 1, 1, 1])
      expect(await say('three')).toEqual(['three'])
      expect(await say('four')).toEqual(['three', 'You said: three', 'four'])
      expect(await flags()).toEqual([1, 1, 1, 1, 0, 0])
      // Nor through another door.
      const turns = await story.api('GET', `/api/v1/chat/sessions?application_id=${id}`)
      const session = turns.body.data.find((one: { title: string }) => one.title === 'one')
      await story.api('POST', '/api/v1/chat/completions', { session_id: session.id, message: 'five' })
      const { messages } = story.upstream.requests.at(-1)!.body as { messages: { content: string }[] }
      expect(messages.map(({ content }) => content)).toEqual([
        'three',
        'You said: three',
        'four',
        'You said: four',
        'five',
      ])
      const unknown = await clear({ chat_bot_id: crypto.randomUUID() })
      expect(unknown.status).toBe(404)
      expect(unknown.body).toStrictEqual({
        status_code: 404,
        message: "Agent wasn't found.",
        query_response_id: '',
        finish_reason: 'no_bot_found',
      })
    })

    it('clears nothing of others', async () => {
      const owner = await registered(story, 'owner')
      const member = await registered(story, 'member')
      await addMember(story, owner, member)
      const { id, token } = await bot(owner.headers)
      const inside = (who: StoryPerson) => ({ ...who.headers, 'x-workspace-id': owner.workspace })
      await askBot(story, id, 'mine', { headers: inside(owner) })
      await askBot(story, id, 'theirs', { headers: inside(member) })
      const visit = { messages: [{ role: 'user', content: 'a visit' }] }
      await story.api('POST', `/api/v1/chat/${token}/chat/completions`, visit, { anonymous: 'yes' })
      await story.api('POST', `/aiwb/chat/api/v7/clearhistory?chat_bot_id=${id}`, undefined, inside(owner))
      const page = await history({ chat_bot_id: id, order: 'asc' }, {}, inside(owner))
      expect(page.body.data.chat_hist.map((row: Record<string, unknown>) => row.is_cleared)).toEqual([1, 0, 0])
    })

    it('makes a PDF of what a filter leaves, behind a link that expires', async () => {
      const { id } = await bot()
      for (const word of ['apples', 'pears']) await askBot(story, id, word)
      const make = async (params: Params) => {
        const answer = await story.api(
          'POST',
          `/aiwb/chat/api/v7/download/?${new URLSearchParams({ chat_bot_id: id, ...params } as never)}`,
          undefined,
          { origin: 'https://kadal.ai' },
        )
        return answer
      }
      const made = await make({ text: 'apples', created_by: '' })
      expect(made.status).toBe(200)
      expect(made.body).toStrictEqual({ message: 'PDF uploaded to S3 successfully', file_url: expect.any(String) })
      const me = (await story.api('GET', '/api/v1/auth/me')).body.data
      expect(made.body.file_url).toContain(`/${me.workspace_id}/transcripts/`)
      const file = await fetch(made.body.file_url)
      expect(file.headers.get('content-type')).toBe('application/pdf')
      const part = (await file.bytes()).length
      const whole = (await (await fetch((await make({})).body.file_url)).bytes()).length
      expect(whole).toBeGreaterThan(part)
      expect((await fetch(made.body.file_url.replace('transcripts/', 'transcripts/x'))).status).toBe(403)
      const missing = await make({ text: 'plums' })
      expect({ status: missing.status, body: missing.body }).toEqual({ status: 404, body: none })
      const unknown = await story.api('POST', `/aiwb/chat/api/v7/download/?chat_bot_id=${crypto.randomUUID()}`)
      expect({ status: unknown.status, body: unknown.body }).toEqual({ status: 404, body: none })
      clock.now += 25 * 3_600_000
      expect((await fetch(made.body.file_url)).status).toBe(403)
    })
  })
