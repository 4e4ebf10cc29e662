import { describe, expect, it } from 'vitest'
import { shortId } from '#lib/short-id.ts'
import { databaseKinds } from '#test/support/databases.ts'
import { askBot, postKadal } from '#test/support/kadal-client.ts'
import { useStory } from '#test/support/story.ts'
import { until } from '#test/support/until.ts'

const hex = /^[0-9a-f]{24}$/

for (const kind of databaseKinds)
  describe(`a bot as Kadal’s clients ask it, on ${kind}`, () => {
    const story = useStory(kind)

    /** A bot of its own for each story. */
    async function bot(config: object = {}): Promise<string> {
      const made = await story.api('POST', '/api/v1/applications', { name: 'Bot', model: 'gpt-sim', ...config })
      expect(made.status, JSON.stringify(made.body)).toBe(200)
      return made.body.data.id
    }
    /** What the model was shown last. */
    const shown = () => (story.upstream.requests.at(-1)!.body as { messages: { content: unknown }[] }).messages
    const texts = () => shown().map(({ content }) => content)
    async function rows(): Promise<number> {
      const { read } = story.parley.parley.database
      const one = async (table: 'turns' | 'conversations') =>
        (
          await read
            .selectFrom(table)
            .select((eb) => eb.fn.countAll<number>().as('n'))
            .executeTakeFirstOrThrow()
        ).n
      return (await one('turns')) + (await one('conversations'))
    }

    it('answers in lines, one for each piece, and ends with #', async () => {
      const id = await bot()
      story.upstream.script({ text: ['Hel', 'lo ', '한국'] })
      const answer = await askBot(story, id, 'Hi', { params: { stream: true, continue_last_chat: false } })
      expect(answer.status).toBe(200)
      expect(answer.headers.get('content-type')).toBe('application/x-ndjson')
      const line = (message: string, finish_reason: string) => ({
        status_code: 200,
        message,
        session_id: null,
        query_response_id: answer.id,
        finish_reason,
      })
      expect(answer.lines).toStrictEqual([
        line('Hel', 'streaming'),
        line('lo ', 'streaming'),
        line('한국', 'streaming'),
        line('#', 'stop'),
      ])
      expect(answer.id).toMatch(hex)
      expect(answer.id).toBe(shortId(answer.headers.get('x-turn-id')!))
    })

    it('answers in one line when it is not to be streamed, which is how it is by default', async () => {
      const id = await bot()
      story.upstream.script({ text: ['Hel', 'lo'] }, { text: 'Again' })
      for (const [params, message] of [
        [{ stream: false }, 'Hello'],
        [{}, 'Again'],
      ] as const) {
        const answer = await askBot(story, id, 'Hi', { params })
        expect(answer.headers.get('content-type')).toBe('application/x-ndjson')
        expect(answer.lines).toStrictEqual([
          { status_code: 200, message, session_id: null, query_response_id: answer.id, finish_reason: 'stop' },
        ])
        expect(answer.id).toMatch(hex)
      }
    })

    it('is the same turn by both of its names, on every endpoint', async () => {
      const id = await bot()
      const held = story.upstream.hold()
      held.send('One ')
      const answer = await postKadal(story, `/v7/${id}/stream`, { stream: true }, { message: 'Count' })
      const { query_response_id: name } = (await answer.next())!
      const uuid = answer.headers.get('x-turn-id')!
      const look = async (path: string) => (await story.api('GET', `/api/v1/turns/${path}`)).body.data
      expect(await look(name!)).toMatchObject({ id: uuid, status: 'running', text: 'One ' })
      const steered = await story.api('POST', `/api/v1/turns/${name!.toUpperCase()}/commands`, {
        type: 'tool-result',
        call_id: 'none',
        result: '',
      })
      expect(steered.body.data.outcome).toBe('ignored')
      const watcher = await story.read(`/api/v1/turns/${name}/events`)
      held.send('two')
      held.finish()
      expect((await answer.all()).at(-1)).toMatchObject({ message: '#', finish_reason: 'stop' })
      expect((await watcher.all()).at(-1)).toMatchObject({ event: 'turn-end' })
      expect(await look(name!)).toEqual(await look(uuid))
      const chat = await story.api('POST', `/api/v1/turns/${name}/feedback`, { is_positive: true })
      expect(chat.body.data).toMatchObject({ turn_id: uuid, query_response_id: name, is_positive: true })
      expect((await story.api('GET', `/api/v1/turns/${'0'.repeat(24)}`)).status).toBe(404)
      expect((await story.api('GET', '/api/v1/turns/no-id')).status).toBe(400)
    })

    it('starts anew or goes on with the last chat, about the same object only', async () => {
      const id = await bot()
      const say = (message: string, params: object) => askBot(story, id, message, { params: { ...params } })
      await say('one', { continue_last_chat: true })
      expect(texts()).toEqual(['one'])
      await say('two', { continue_last_chat: true, object_id: 'null' })
      expect(texts()).toEqual(['one', 'You said: one', 'two'])
      await say('three', { continue_last_chat: true, object_id: 'invoice 7' })
      expect(texts()).toEqual(['three'])
      await say('four', { continue_last_chat: true, object_id: 'invoice 8' })
      expect(texts()).toEqual(['four'])
      await say('five', { continue_last_chat: true, object_id: 'invoice 7' })
      expect(texts()).toEqual(['three', 'You said: three', 'five'])
      await say('six', { continue_last_chat: true, object_id: 'invoice 7', ext_ref_user_id: 'customer-1' })
      expect(texts()).toEqual(['six'])
      await say('seven', { continue_last_chat: false })
      expect(texts()).toEqual(['seven'])
      await say('eight', { continue_last_chat: true })
      expect(texts()).toEqual(['seven', 'You said: seven', 'eight'])
    })

    it('is one conversation with every other door', async () => {
      const id = await bot()
      const opened = await story.api('POST', '/api/v1/chat/sessions', { application_id: id })
      await story.api('POST', '/api/v1/chat/completions', {
        session_id: opened.body.data.id,
        message: 'through the app',
      })
      await askBot(story, id, 'through Kadal', { params: { continue_last_chat: true } })
      expect(texts()).toEqual(['through the app', 'You said: through the app', 'through Kadal'])
      await story.api('POST', '/api/v1/chat/completions', { session_id: opened.body.data.id, message: 'and back' })
      expect(texts()).toEqual([
        'through the app',
        'You said: through the app',
        'through Kadal',
        'You said: through Kadal',
        'and back',
      ])
    })

    it('does not go on in what a visitor of the public app said', async () => {
      const made = await story.api('POST', '/api/v1/applications', { name: 'Public', model: 'gpt-sim' })
      const { id, access_token: token } = made.body.data
      const said = await story.api(
        'POST',
        `/api/v1/chat/${token}/chat/completions`,
        { messages: [{ role: 'user', content: 'a visitor’s secret' }] },
        { anonymous: 'yes', 'x-session-id': 'visit' },
      )
      expect(said.status).toBe(200)
      await askBot(story, id, 'Hello', { params: { continue_last_chat: true } })
      expect(texts()).toEqual(['Hello'])
    })

    it('takes null for what an event may leave out, and names what is wrong with the event that was sent', async () => {
      const id = await bot()
      const event = (metadata: object) =>
        askBot(story, id, 'Hello', { body: { metadata: { category: 'event', ...metadata } } })
      for (const metadata of [
        { type: 'tool', message: null, tool_config: {} },
        { type: 'verbose', message: null, modelId: 'gpt-sim', modelVersion: null },
      ])
        expect((await event(metadata)).text).toBe('You said: Hello')
      for (const [metadata, words] of [
        [{ type: 'tool', tool_config: null }, 'metadata.tool_config must be an object'],
        [{ type: 'tool' }, "'metadata.tool_config' field is required"],
        [{ type: 'verbose', message: 'v' }, "'metadata.modelId' field is required"],
        [{ type: 'verbose', modelId: 7 }, 'metadata.modelId must be a string'],
        [{ type: 'file' }, "'metadata.files' field is required"],
        [{ type: 'other', files: [] }, 'metadata.type must be one of file, tool, verbose'],
        [{ category: 'other' }, 'metadata.category must be one of chat, event'],
      ] as const)
        expect((await event(metadata)).lines, words).toMatchObject([{ status_code: 400, message: words }])
    })

    it('refuses files that are not there, and stores nothing then', async () => {
      const id = await bot()
      const before = await rows()
      const file = {
        file_name: 'offer.pdf',
        file_type: 'pdf',
        source_category: 'InputFile',
        input_type: 'Repository',
      }
      for (const [files, words] of [
        [[{ ...file, object_id: 'f-17' }], "'offer.pdf' (object_id f-17) was not found"],
        [[{ ...file, object_id: 'f-17', source_category: 'KnowledgeBase', input_type: 'Computer' }], 'f-17'],
        [[{ ...file, folder_id: 'folder' }], 'must be named by its object_id'],
        [[{ ...file, object_id: 'f-17', input_type: 'GDrive' }], 'Google Drive'],
        [[{ ...file, object_id: 'f-17', source_category: 'GDrive' }], 'Google Drive'],
      ] as const) {
        const answer = await askBot(story, id, 'Read this', {
          body: { metadata: { category: 'event', type: 'file', files } },
        })
        expect(answer.status).toBe(400)
        expect(answer.lines).toMatchObject([{ status_code: 400, error: 'VALIDATION_ERROR' }])
        expect(answer.lines[0]!.message).toContain(words)
      }
      expect(await rows()).toBe(before)
    })

    it('refuses by name a tool that this server does not have, and takes the switching off of all', async () => {
      const id = await bot()
      const before = await rows()
      const tool = (tool_config: object) =>
        askBot(story, id, 'Search', {
          body: { is_tool_calling: true, metadata: { category: 'event', type: 'tool', message: 'Tools', tool_config } },
        })
      for (const [config, name] of [
        [{ web_search: true, content_lake: false }, 'web_search'],
        [{ web_search: false, content_lake: true }, 'content_lake'],
      ] as const) {
        const answer = await tool(config)
        expect(answer.status).toBe(400)
        expect(answer.lines[0]!.message).toContain(`'${name}' is not configured`)
      }
      expect(await rows()).toBe(before)
      expect((await tool({ web_search: false, content_lake: false })).text).toBe('You said: Search')
    })

    it('switches the conversation’s model with the message that says so, for every door', async () => {
      const id = await bot()
      await askBot(story, id, 'Hello', { params: { continue_last_chat: true } })
      const asked = story.upstream.requests.length
      const switched = await askBot(story, id, '', {
        params: { continue_last_chat: true },
        body: {
          metadata: {
            category: 'event',
            type: 'verbose',
            message: 'What is a turn?',
            modelId: 'builtin/extractive',
            modelVersion: 'latest',
          },
        },
      })
      expect(switched.status).toBe(200)
      const look = async (turn: string) => (await story.api('GET', `/api/v1/turns/${turn}`)).body.data
      expect(await look(switched.id)).toMatchObject({ model: 'builtin/extractive' })
      const later = await askBot(story, id, 'And then?', { params: { continue_last_chat: true } })
      const turn = await look(later.id)
      expect(turn).toMatchObject({ model: 'builtin/extractive' })
      const elsewhere = await story.api('POST', '/api/v1/chat/completions', {
        session_id: turn.conversation_id,
        message: 'And there?',
      })
      expect(await look(elsewhere.headers.get('x-turn-id')!)).toMatchObject({ model: 'builtin/extractive' })
      expect(story.upstream.requests.length).toBe(asked)
      // Another conversation has the bot's own.
      const fresh = await askBot(story, id, 'Hello')
      expect(await look(fresh.id)).toMatchObject({ model: 'gpt-sim' })
      const unknown = await askBot(story, id, 'Hello', {
        body: { metadata: { category: 'event', type: 'verbose', modelId: 'builtin/none', modelVersion: '1' } },
      })
      expect(unknown.status).toBe(400)
      expect(unknown.lines[0]!.message).toContain("'builtin/none' (metadata.modelId) does not exist")
    })

    it('tells of a bot that is not there, or not yours, in its own words', async () => {
      for (const id of [crypto.randomUUID(), (await story.app()).id.replace(/^....../, 'ffffff')]) {
        const answer = await askBot(story, id, 'Hi', { params: { stream: true } })
        expect(answer.status).toBe(404)
        expect(answer.headers.get('content-type')).toBe('application/x-ndjson')
        expect(answer.lines).toEqual([
          { status_code: 404, message: "Agent wasn't found.", query_response_id: '', finish_reason: 'no_bot_found' },
        ])
      }
    })

    it('tells with 200 and without ids that the input does not fit', async () => {
      const id = await bot({ context_strategy: 'error', context_max_tokens: 20 })
      for (const stream of [true, false]) {
        const answer = await askBot(story, id, 'word '.repeat(500), { params: { stream } })
        expect(answer.status).toBe(200)
        expect(answer.lines).toEqual([
          {
            status_code: 200,
            message: expect.stringContaining('smaller file'),
            finish_reason: 'input_exceeded_context_window',
          },
        ])
      }
    })

    it('tells with 200 and without ids that a guardrail refused, also in the middle', async () => {
      const id = await bot()
      const rule = await story.api('POST', `/api/v1/applications/${id}/guardrails`, {
        name: 'no forbidden',
        kind: 'words',
        where: 'both',
        action: 'block',
        config: { words: ['forbidden'] },
      })
      expect(rule.status).toBe(201)
      const refused = { status_code: 200, message: expect.stringContaining('recorded'), finish_reason: 'guardrail_hit' }
      for (const stream of [true, false]) {
        const answer = await askBot(story, id, 'Say the forbidden word', { params: { stream } })
        expect(answer.status).toBe(200)
        expect(answer.lines).toEqual([refused])
      }
      story.upstream.script({ text: ['All is well. ', 'But ', 'forbidden', ' it is.'] })
      const cut = await askBot(story, id, 'Go on', { params: { stream: true } })
      expect(cut.lines.at(-1)).toEqual(refused)
      expect(cut.lines.slice(0, -1).every((line) => line.finish_reason === 'streaming')).toBe(true)
      expect(cut.text).not.toContain('forbidden')
    })

    it('is an HTTP status when it fails before the first line, and a last line after it; never a stop', async () => {
      const id = await bot()
      const status = { kind: 'status', status: 400 } as const
      story.upstream.script({ strike: status }, { strike: status })
      for (const stream of [true, false]) {
        const answer = await askBot(story, id, 'Hi', { params: { stream } })
        expect(answer.status).toBe(502)
        expect(answer.lines).toMatchObject([{ status_code: 502, error: 'UPSTREAM_ERROR' }])
      }
      story.upstream.script({ text: ['Half ', 'an'], strike: { kind: 'malformed' }, after: 2 })
      const broken = await askBot(story, id, 'Hi', { params: { stream: true } })
      expect(broken.status).toBe(200)
      expect(broken.lines.map((line) => line.finish_reason)).toEqual(['streaming', 'streaming', 'error'])
      expect(broken.lines.at(-1)).toMatchObject({
        status_code: 502,
        error: 'UPSTREAM_ERROR',
        session_id: null,
        query_response_id: broken.id,
      })
      expect((await story.api('GET', `/api/v1/turns/${broken.id}`)).body.data).toMatchObject({ status: 'failed' })
    })

    it('says that it was cancelled from another door', async () => {
      const id = await bot()
      const held = story.upstream.hold()
      held.send('One ')
      const answer = await postKadal(story, `/v7/${id}/stream`, { stream: true }, { message: 'Count' })
      const first = await answer.next()
      await story.api('POST', `/api/v1/turns/${first!.query_response_id}/commands`, { type: 'cancel' })
      const lines = await answer.all()
      expect(lines.at(-1)).toMatchObject({ status_code: 499, finish_reason: 'error', error: 'CANCELLED_ERROR' })
      await held.aborted
    })

    it('goes on when the client leaves: the answer is in the history', async () => {
      const id = await bot()
      const held = story.upstream.hold()
      held.send('One ')
      const answer = await postKadal(story, `/v7/${id}/stream`, { stream: true }, { message: 'Count' })
      const first = await answer.next()
      answer.leave()
      held.send('two')
      held.finish()
      const row = await until(async () => {
        const page = await story.api('POST', `/aiwb/chat/api/v7/?chat_bot_id=${id}`, {})
        return page.status === 200 && page.body.data.chat_hist[0]
      })
      expect(row).toMatchObject({ query_response_id: first!.query_response_id, bot_response: 'One two' })
    })

    it('runs one Idempotency-Key once, also where it would go on with the last chat', async () => {
      const id = await bot()
      const again = { params: { stream: true, continue_last_chat: true }, headers: { 'idempotency-key': `k-${id}` } }
      const asked = story.upstream.requests.length
      const first = await askBot(story, id, 'Once', again)
      const second = await askBot(story, id, 'Once', again)
      expect(second.id).toBe(first.id)
      expect(second.text).toBe(first.text)
      expect(story.upstream.requests.length).toBe(asked + 1)
      expect((await askBot(story, id, 'Twice', again)).lines).toMatchObject([
        { status_code: 409, error: 'CONFLICT_ERROR' },
      ])
    })
  })
