import { describe, expect, it } from 'vitest'
import { databaseKinds } from '#test/support/databases.ts'
import { chunkText, type SseFrame } from '#test/support/sse-client.ts'
import { useStory } from '#test/support/story.ts'

const say = (content: string, more: object = {}) => ({ messages: [{ role: 'user', content }], ...more })
const completions = (id: string) => `/api/v1/chat/${id}/chat/completions`
const names = (frames: readonly SseFrame[]) => frames.map(({ event }) => event)
const once = (list: string[]) => list.filter((name, index) => name !== list[index - 1])

for (const kind of databaseKinds)
  describe(`the application API on ${kind}`, () => {
    const story = useStory(kind)

    it('answers an app by its UUID with a bare completion', async () => {
      const app = await story.app()
      const { status, body, headers } = await story.api('POST', completions(app.id), say('Hello'))
      expect(status).toBe(200)
      expect(body).toMatchObject({
        id: `chatcmpl-${headers.get('x-turn-id')}`,
        object: 'chat.completion',
        choices: [{ index: 0, message: { role: 'assistant', content: 'You said: Hello' }, finish_reason: 'stop' }],
      })
      expect(body.usage.total_tokens).toBe(body.usage.prompt_tokens + body.usage.completion_tokens)
      expect(headers.get('x-request-id')).toBeTruthy()
    })

    it('answers an access token in the path without any header, and nothing else with it', async () => {
      const app = await story.app()
      const anonymous = { anonymous: 'yes' }
      const { status, body } = await story.api('POST', completions(app.access_token), say('Hello'), anonymous)
      expect(status).toBe(200)
      expect(body.choices[0].message.content).toBe('You said: Hello')
      expect(await story.api('POST', completions(app.id), say('Hello'), anonymous)).toMatchObject({
        status: 401,
        body: { data: null, status: 'error', code: 401, message: 'Authentication required' },
      })
      expect((await story.api('POST', completions(`pat_${'x'.repeat(43)}`), say('Hi'), anonymous)).status).toBe(404)
      expect((await story.api('POST', completions('nonsense'), say('Hi'))).status).toBe(400)
    })

    it('keeps the history of a session: the model is sent what was said before', async () => {
      const app = await story.app()
      const session = { 'x-session-id': 'my-session' }
      const first = await story.api('POST', completions(app.id), say('I am Ada.'), session)
      expect(first.headers.get('x-session-id')).toBe('my-session')
      const before = story.upstream.requests.length
      await story.api('POST', completions(app.id), say('Who am I?'), session)
      const sent = story.upstream.requests[before]!.body.messages as { role: string; content: string }[]
      expect(sent.map(({ role, content }) => [role, content])).toEqual([
        ['user', 'I am Ada.'],
        ['assistant', 'You said: I am Ada.'],
        ['user', 'Who am I?'],
      ])
      const other = await story.api('POST', completions(app.id), say('Who am I?'), { 'x-session-id': 'another' })
      expect(other.status).toBe(200)
      expect(story.upstream.requests.at(-1)!.body.messages).toHaveLength(1)

      const { body: sessions } = await story.api('GET', `/api/v1/chat/sessions?application_id=${app.id}`)
      const mine = sessions.data.find((each: { session_id: string }) => each.session_id === 'my-session')
      expect(mine).toMatchObject({ title: 'I am Ada.', status: 'active', application_id: app.id })
      const { body: messages } = await story.api('GET', `/api/v1/chat/sessions/${mine.id}/messages`)
      expect(messages.data.map(({ role, content }: { role: string; content: string }) => [role, content])).toEqual([
        ['user', 'I am Ada.'],
        ['assistant', 'You said: I am Ada.'],
        ['user', 'Who am I?'],
        ['assistant', 'You said: Who am I?'],
      ])
      const caughtUp = await story.api('GET', `/api/v1/chat/${app.id}/messages?session_id=my-session&limit=1`)
      expect(caughtUp.body.data).toHaveLength(2)

      const page = (query: string) =>
        story.api('GET', `/api/v1/chat/sessions/${mine.id}/messages?limit=1${query}`).then(({ body }) => body)
      const newest = (await page('')).data
      expect(newest).toEqual(messages.data.slice(2))
      const older = (await page(`&before=${newest[0].id}`)).data
      expect(older).toEqual(messages.data.slice(0, 2))
      expect((await page(`&before=${older[0].id}`)).data).toEqual([])
      const strange = (await story.api('GET', `/api/v1/chat/${app.id}/messages?session_id=another`)).body.data[0].id
      for (const id of [strange, 'nonsense'])
        expect(await page(`&before=${id}`), id).toMatchObject({ code: 422, message: expect.stringContaining('before') })
    })

    it('catches up with the session that was used last, not with the one that was made last', async () => {
      const app = await story.app()
      for (const session of ['older', 'newer', 'older'])
        await story.api('POST', completions(app.id), say(`in the ${session} one`), { 'x-session-id': session })
      const { body: session } = await story.api('POST', '/api/v1/chat/sessions', {
        application_id: app.id,
        title: 'empty',
      })
      expect(session.status).toBe('success')
      const { body } = await story.api('GET', `/api/v1/chat/${app.id}/messages`)
      expect(body.data.map(({ content }: { content: string }) => content)).toEqual([
        'in the older one',
        'You said: in the older one',
        'in the older one',
        'You said: in the older one',
      ])
    })

    it.each(['an app', 'a session'])(
      'tells the reader of %s that a turn was cancelled: half an answer would not',
      async (form) => {
        const app = await story.app()
        const made = await story.api('POST', '/api/v1/chat/sessions', {
          application_id: app.id,
          title: 'to be cancelled',
        })
        const held = story.upstream.hold()
        held.send('Begun ')
        const stream = await (form === 'an app'
          ? story.post(completions(app.id), say('Hello', { stream: true }))
          : story.post('/api/v1/chat/completions', { session_id: made.body.data.id, message: 'Hello', stream: true }))
        await stream.until(({ data }) => data.includes('Begun '))
        await story.api('POST', `/api/v1/turns/${stream.headers.get('x-turn-id')}/commands`, { type: 'cancel' })
        const frames = await stream.all()
        const failure = frames.find(({ event }) => event === 'error')
        expect(JSON.parse(failure!.data)).toMatchObject({ code: 'cancelled' })
      },
    )

    it('streams chunks with ids to resume after, and named events only when asked', async () => {
      const app = await story.app()
      const plain = await (await story.post(completions(app.id), say('Hello', { stream: true }))).all()
      expect(new Set(names(plain))).toEqual(new Set(['message']))
      expect(chunkText(plain)).toBe('You said: Hello')
      expect(plain.at(-1)!.data).toBe('[DONE]')
      const first = JSON.parse(plain[0]!.data)
      expect(first.choices[0].delta.role).toBe('assistant')
      const ids = plain.flatMap(({ id }) => (id === undefined ? [] : [Number(id)]))
      expect(ids).toEqual([...new Set(ids)].sort((a, b) => a - b))

      const body = say('Hello', { stream: true })
      const all = await (await story.post(completions(app.id), body, { 'x-parley-events': 'all' })).all()
      expect(once(names(all))).toEqual([
        'llm_call_start',
        'message',
        'llm_call_end',
        'token_usage',
        'cost_update',
        'message',
      ])
      expect(chunkText(all)).toBe('You said: Hello')
      const none = await (await story.post(completions(app.id), body, { 'x-parley-events': 'none' })).all()
      expect(new Set(names(none))).toEqual(new Set(['message']))
    })

    it('speaks the session form: named events in the documented order, always', async () => {
      const app = await story.app()
      const made = await story.api('POST', '/api/v1/chat/sessions', { application_id: app.id, title: 'Mine' })
      expect(made).toMatchObject({ status: 200, body: { status: 'success', code: 200 } })
      const session_id = made.body.data.id
      const stream = await story.post('/api/v1/chat/completions', { session_id, message: 'Hello', stream: true })
      const frames = await stream.all()
      expect(once(names(frames))).toEqual([
        'message_start',
        'llm_call_start',
        'text_chunk',
        'llm_call_end',
        'token_usage',
        'cost_update',
        'done',
      ])
      const data = (name: string) => frames.filter(({ event }) => event === name).map((frame) => JSON.parse(frame.data))
      expect(data('message_start')).toEqual([
        { conversation_id: session_id, message_id: stream.headers.get('x-turn-id') },
      ])
      expect(
        data('text_chunk')
          .map(({ content }) => content)
          .join(''),
      ).toBe('You said: Hello')
      expect(data('done')).toEqual([{}])

      const whole = await story.api('POST', '/api/v1/chat/completions', { session_id, message: 'Again' })
      expect(whole.body).toMatchObject({ session_id, choices: [{ message: { content: 'You said: Again' } }] })
      expect(story.upstream.requests.at(-1)!.body.messages).toHaveLength(3)
    })

    it('tells how a turn failed in the stream, and as a status before it', async () => {
      const app = await story.app()
      const own = await story.api('POST', '/api/v1/applications', {
        name: 'No such model',
        type: 'chat',
        model: 'gone',
      })
      const id = own.body.data.id
      expect(await story.api('POST', completions(id), say('Hello'))).toMatchObject({
        status: 404,
        body: { data: null, status: 'error', code: 404 },
      })
      const held = story.upstream.hold()
      held.send('Half ')
      const stream = await story.post(completions(app.id), say('Hello', { stream: true }))
      await stream.until(({ data }) => data.includes('Half '))
      held.strike({ kind: 'reset' })
      const frames = await stream.all()
      const error = frames.find(({ event }) => event === 'error')!
      expect(JSON.parse(error.data)).toEqual({ code: 'provider_error', message: expect.any(String) })
      expect(frames.some(({ data }) => data.includes('"finish_reason":"stop"'))).toBe(false)
    })

    it('refuses what is not a chat', async () => {
      const app = await story.app()
      expect((await story.api('POST', completions(app.id), { messages: [] })).status).toBe(422)
      expect((await story.api('POST', completions(app.id), {})).status).toBe(400)
      const hot = await story.api('POST', completions(app.id), say('x', { temperature: 3 }))
      expect(hot).toMatchObject({
        status: 422,
        body: { message: expect.stringContaining('Validation error: temperature') },
      })
    })
  })
