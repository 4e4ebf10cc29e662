import OpenAI from 'openai'
import { describe, expect, it } from 'vitest'
import { openChat } from '#test/support/chat-client.ts'
import { databaseKinds } from '#test/support/databases.ts'
import { ask, useGuardrailStory } from '#test/support/guardrails-story.ts'

for (const kind of databaseKinds)
  describe(`guardrails on ${kind}`, () => {
    const { story, words, under, violations, failure, streamed } = useGuardrailStory(kind)

    it('mask input before the model, the history and the title see it', () =>
      under([words(['Hush'], 'mask', { where: 'input' })], async () => {
        const answer = await story.api('POST', '/v1/chat/completions', ask('say hush-hush'), {
          'x-session-id': 'masked',
        })
        expect(story.upstream.requests.at(-1)!.lastUserText).toBe('say ***-***')
        expect(answer.body.choices[0].message.content).toBe('You said: say ***-***')
        const session = answer.headers.get('x-session-id')!
        expect((await story.api('GET', `/api/v1/chat/sessions/${session}`)).body.data.title).toBe('say ***-***')
        const { body } = await story.api('GET', `/api/v1/chat/sessions/${session}/messages`)
        expect(JSON.stringify(body)).not.toMatch(/hush/i)
        const [found] = await violations()
        expect(found).toMatchObject({
          rule_name: 'no Hush',
          kind: 'words',
          action: 'mask',
          where: 'input',
          place: 'message',
          count: 2,
          outage: false,
          excerpt: 'say ***',
          turn_id: answer.headers.get('x-turn-id'),
          application_id: null,
        })
      }))

    it('refuse input before any model is asked; the turn is there, with nothing of what was refused', () =>
      under([words(['Bomb'], 'block', { where: 'input' })], async () => {
        const before = story.upstream.requests.length
        const headers = { 'x-session-id': 'refused' }
        const answer = await story.api(
          'POST',
          '/v1/chat/completions',
          ask('How do I build a BOMB, ann@example.org?'),
          headers,
        )
        expect(answer).toMatchObject({
          status: 400,
          body: { error: { code: 'content_filter', type: 'invalid_request_error', param: null } },
        })
        expect(story.upstream.requests.length).toBe(before)
        expect(answer.body.error.message).not.toMatch(/bomb/i)

        const id = answer.headers.get('x-turn-id')!
        const turn = (await story.api('GET', `/api/v1/turns/${id}`)).body.data
        expect(turn).toMatchObject({ status: 'failed', parts: [], error: { code: 'content-blocked' } })
        const session = (await story.api('GET', '/api/v1/chat/sessions')).body.data.find(
          (one: { session_id: string }) => one.session_id === 'refused',
        )
        expect(session.title).toBe('How do I build a ***, [email]?')
        const kept = (await story.api('GET', `/api/v1/chat/sessions/${session.id}/messages`)).body.data
        expect(kept[0].content).toBe('How do I build a ***, [email]?')
        expect(JSON.stringify([turn, session, kept, await violations()])).not.toMatch(/bomb\b(?!")|ann@/)
        expect((await violations())[0]).toMatchObject({ turn_id: id, excerpt: 'How do I build a ***', action: 'block' })

        // What was refused is no history.
        await story.api('POST', '/v1/chat/completions', ask('Hello again'), headers)
        expect(story.upstream.requests.at(-1)!.body.messages).toEqual([{ role: 'user', content: 'Hello again' }])
      }))

    it('are an error of the vendor’s client when nothing was said yet, streamed or not', () =>
      under([words(['Bomb'], 'block')], async () => {
        const input = await failure(story.openai().chat.completions.create(ask('a bomb')))
        expect(input).toBeInstanceOf(OpenAI.BadRequestError)
        expect(input).toMatchObject({ status: 400, code: 'content_filter' })
        expect((await streamed(ask('a bomb'))).thrown).toMatchObject({ status: 400, code: 'content_filter' })
        for (let i = 0; i < 2; i++) story.upstream.script({ text: ['bo', 'mb', ' it is'] })
        const output = await failure(story.openai().chat.completions.create(ask('Say it')))
        expect(output).toMatchObject({ status: 400, code: 'content_filter' })
        expect((await streamed(ask('Say it'))).thrown).toMatchObject({ status: 400, code: 'content_filter' })
      }))

    it('mask an answer as it streams, and hold back no more than they must', () =>
      under([words(['Bomb'], 'mask')], async () => {
        const held = story.upstream.hold()
        held.send('The ', 'bo')
        const client = await story.post('/v1/chat/completions', ask('Tell me', { stream: true }))
        const text = () =>
          client.frames
            .map(({ data }) => (data === '[DONE]' ? '' : (JSON.parse(data).choices[0]?.delta.content ?? '')))
            .join('')
        await client.until(() => text() === 'The ')
        held.send('y and the bom')
        await client.until(() => text() === 'The boy and the ')
        held.send('b.')
        held.finish()
        await client.all()
        expect(text()).toBe('The boy and the ***.')
        const turn = (await story.api('GET', `/api/v1/turns/${client.headers.get('x-turn-id')}`)).body.data
        expect(turn.text).toBe('The boy and the ***.')
      }))

    it('end an answer where it must not go on, abort the upstream and settle what was used', () =>
      under([words(['Bomb'], 'block', { where: 'output' })], async () => {
        const held = story.upstream.hold()
        held.send('First this. ', 'Then a bo')
        const streaming = streamed(ask('Tell me'))
        await held.request
        held.send('mb')
        held.send(' and more')
        await held.aborted
        const { text, reasons, usage, thrown } = await streaming
        expect(thrown).toBeUndefined()
        expect(text).toBe('First this. Then a ')
        expect(reasons).toEqual(['content_filter'])
        expect(usage).toMatchObject({ completion_tokens: expect.any(Number) })
        const [found] = await violations()
        expect(found).toMatchObject({ where: 'output', place: 'text', excerpt: 'First this. Then a ***' })

        const turn = (await story.api('GET', `/api/v1/turns/${found.turn_id}`)).body.data
        expect(turn).toMatchObject({
          status: 'failed',
          text: 'First this. Then a ',
          error: { code: 'content-blocked' },
          usage: { estimated: true },
        })
        expect(turn.usage.completion_tokens).toBeGreaterThan(0)
        const events = await (await story.read(`/api/v1/turns/${found.turn_id}/events`)).all()
        expect(JSON.stringify(events)).not.toContain('bo')
        expect(JSON.parse(events.at(-1)!.data).event).toMatchObject({
          type: 'turn-end',
          outcome: 'failed',
          finishReason: 'content-filter',
        })
      }))

    it('give a whole answer up to what they stop, with finish_reason content_filter and the upstream’s usage', () =>
      under([words(['Bomb'], 'block', { where: 'output' })], async () => {
        story.upstream.script({ text: ['First this. Then a bomb and more'] })
        const answer = await story.openai().chat.completions.create(ask('Tell me'))
        expect(answer.choices[0]).toMatchObject({
          message: { content: 'First this. Then a ' },
          finish_reason: 'content_filter',
        })
        expect(answer.usage!.completion_tokens).toBe(7)
      }))

    it('look at reasoning, refusals and arguments too', () =>
      under([words(['Bomb'], 'mask', { where: 'output' })], async () => {
        story.upstream.script({
          reasoning: ['a bo', 'mb?'],
          text: 'ok',
          refusal: 'no bomb',
          toolCalls: [{ name: 'order', arguments: ['{"what":"b\\u006f', 'mb"}'] }],
        })
        const answer = await story.openai().chat.completions.create({
          ...ask('Tell me'),
          tools: [{ type: 'function', function: { name: 'order' } }],
        })
        const message = answer.choices[0]!.message as OpenAI.ChatCompletionMessage & { reasoning_content: string }
        expect(message).toMatchObject({ content: 'ok', refusal: 'no ***', reasoning_content: 'a ***?' })
        expect(message.tool_calls).toMatchObject([{ function: { name: 'order', arguments: '{"what":"***"}' } }])
      }))

    it('are told in each door’s own words', () =>
      under([words(['Bomb'], 'block')], async () => {
        const app = await story.app()
        const path = `/api/v1/chat/${app.id}/chat/completions`
        const refused = await story.api('POST', path, ask('a bomb'))
        expect(refused).toMatchObject({ status: 400, body: { data: null, status: 'error', code: 400 } })

        const held = story.upstream.hold()
        held.send('Fine so far. ', 'A bomb')
        held.finish()
        const stream = await story.post(path, ask('Tell me', { stream: true }))
        const frames = await stream.all()
        const error = frames.find(({ event }) => event === 'error')!
        expect(JSON.parse(error.data)).toMatchObject({ code: 'content_blocked' })
        expect(frames.at(-1)!.data).toBe('[DONE]')
        expect(JSON.stringify(frames)).not.toContain('omb')

        const socket = await openChat(story.parley, 'guarded')
        socket.send({ type: 'chat', content: 'a bomb', application_id: app.id })
        expect(await socket.until(({ type }) => type === 'error')).toMatchObject({
          code: 'content_blocked',
          data: { code: 'content_blocked' },
        })
        socket.close()
      }))
  })
