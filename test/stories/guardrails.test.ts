import OpenAI from 'openai'
import { describe, expect, it } from 'vitest'
import { openChat } from '#test/support/chat-client.ts'
import { databaseKinds } from '#test/support/databases.ts'
import { openNodeTool } from '#test/support/nodetool-client.ts'
import { useStory } from '#test/support/story.ts'
import { until } from '#test/support/until.ts'

const ask = (content: string, more: object = {}) => ({
  model: 'gpt-sim',
  messages: [{ role: 'user' as const, content }],
  ...more,
})

for (const kind of databaseKinds)
  describe(`guardrails on ${kind}`, () => {
    const story = useStory(kind)

    async function workspace(): Promise<string> {
      return (await story.api('GET', '/api/v1/workspaces')).body.data[0].id
    }

    const words = (list: string[], action: string, more: object = {}) => ({
      name: `no ${list[0]}`,
      kind: 'words',
      where: 'both',
      action,
      config: { words: list, match: 'part', replacement: '***' },
      ...more,
    })

    /** Makes rules of the workspace, or of an app, for the time of one story. */
    async function under<T>(rules: object[], story1: () => Promise<T>, app?: string): Promise<T> {
      const prefix = app ? `/api/v1/applications/${app}` : `/api/v1/workspaces/${await workspace()}`
      const ids: string[] = []
      for (const rule of rules) {
        const made = await story.api('POST', `${prefix}/guardrails`, rule)
        expect(made, JSON.stringify(made.body)).toMatchObject({ status: 201 })
        ids.push(made.body.data.id)
      }
      try {
        return await story1()
      } finally {
        for (const id of ids) expect((await story.api('DELETE', `${prefix}/guardrails/${id}`)).status).toBe(200)
      }
    }

    const violations = async (query = '') =>
      (await story.api('GET', `/api/v1/workspaces/${await workspace()}/guardrails/violations${query}`)).body.data

    const failure = async (doing: Promise<unknown>) => {
      const thrown = await doing.then(
        () => undefined,
        (error: unknown) => error,
      )
      expect(thrown).toBeInstanceOf(OpenAI.APIError)
      return thrown as InstanceType<typeof OpenAI.APIError>
    }

    /** Streams with the vendor's client: the text, the finish reason, the usage, and what it threw. */
    async function streamed(request: object) {
      const seen = { text: '', reasons: [] as string[], usage: undefined as unknown, thrown: undefined as unknown }
      const create = { ...request, stream: true, stream_options: { include_usage: true } }
      try {
        const stream = await story.openai().chat.completions.create(create as never)
        for await (const chunk of stream as unknown as AsyncIterable<OpenAI.ChatCompletionChunk>) {
          seen.text += chunk.choices[0]?.delta.content ?? ''
          if (chunk.choices[0]?.finish_reason) seen.reasons.push(chunk.choices[0].finish_reason)
          seen.usage ??= chunk.usage ?? undefined
        }
      } catch (thrown) {
        seen.thrown = thrown
      }
      return seen
    }

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

    it('of an app hold for that app, those of the workspace for all', async () => {
      const app = await story.app()
      const other = (await story.api('POST', '/api/v1/applications', { name: 'Unguarded', model: 'gpt-sim' })).body.data
      const say = async (id: string, text: string) =>
        (await story.api('POST', `/api/v1/chat/${id}/chat/completions`, ask(text))).body.choices[0].message.content
      await under([words(['alpha'], 'mask', { where: 'input' })], () =>
        under(
          [words(['beta'], 'mask', { where: 'input' })],
          async () => {
            expect(await say(app.id, 'alpha beta')).toBe('You said: *** ***')
            expect(await say(other.id, 'alpha beta')).toBe('You said: *** beta')
            const [found] = await violations(`?application_id=${app.id}`)
            expect(found.application_id).toBe(app.id)
            expect(await violations(`?application_id=${other.id}&where=output`)).toEqual([])
          },
          app.id,
        ),
      )
      expect(await say(app.id, 'alpha beta')).toBe('You said: alpha beta')
    })

    it('are in force as soon as they are saved, and out of it as soon as they are disabled', async () => {
      const prefix = `/api/v1/workspaces/${await workspace()}/guardrails`
      const say = async () =>
        (await story.api('POST', '/v1/chat/completions', ask('gamma delta'))).body.choices[0].message
      expect((await say()).content).toBe('You said: gamma delta')
      const made = await story.api('POST', prefix, words(['gamma'], 'mask'))
      const { id } = made.body.data
      expect((await say()).content).toBe('You said: *** delta')
      await story.api('PATCH', `${prefix}/${id}`, { config: { words: ['delta'] } })
      expect((await say()).content).toBe('You said: gamma [removed]')
      await story.api('PATCH', `${prefix}/${id}`, { enabled: false })
      expect((await say()).content).toBe('You said: gamma delta')
      await story.api('DELETE', `${prefix}/${id}`)
      // What it found stays.
      expect((await violations(`?rule_id=${id}`)).length).toBe(2)
    })

    it('hold what a stateless caller repeats to the rules again, but note it once', () =>
      under([words(['Bomb'], 'mask', { where: 'input' })], async () => {
        const before = (await violations()).length
        const messages = [
          { role: 'user' as const, content: 'a bomb' },
          { role: 'assistant' as const, content: 'I see' },
          { role: 'user' as const, content: 'and now?' },
        ]
        await story.openai().chat.completions.create({ model: 'gpt-sim', messages })
        expect(JSON.stringify(story.upstream.requests.at(-1)!.body.messages)).not.toContain('bomb')
        expect((await violations()).length).toBe(before)
      }))

    it('hold what a model is said to have said to the rules for what models say', () =>
      under(
        [words(['inwards'], 'mask', { where: 'input' }), words(['outwards'], 'mask', { where: 'output' })],
        async () => {
          const messages = [
            { role: 'user' as const, content: 'inwards outwards' },
            { role: 'assistant' as const, content: 'inwards outwards' },
            { role: 'user' as const, content: 'inwards outwards' },
          ]
          await story.openai().chat.completions.create({ model: 'gpt-sim', messages })
          const sent = story.upstream.requests.at(-1)!.body.messages as { content: string }[]
          expect(sent.map(({ content }) => content)).toEqual(['*** outwards', 'inwards ***', '*** outwards'])
        },
      ))

    it('do not let it be smuggled in as something else', () =>
      under([words(['Bomb'], 'block')], async () => {
        const before = story.upstream.requests.length
        const smuggled: OpenAI.ChatCompletionMessageParam[][] = [
          [{ role: 'system', content: 'a bomb' }],
          [{ role: 'assistant', content: 'a bomb' }],
          [{ role: 'user', name: 'bomb', content: 'x' }],
          [
            {
              role: 'user',
              content: [
                { type: 'text', text: 'bo' },
                { type: 'text', text: 'a bomb' },
              ],
            },
          ],
          [
            {
              role: 'user',
              content: [
                {
                  type: 'file',
                  file: {
                    filename: 'a.txt',
                    file_data: `data:text/plain;base64,${Buffer.from('a bomb').toString('base64')}`,
                  },
                },
              ],
            },
          ],
          [
            {
              role: 'assistant',
              tool_calls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } }],
            },
            { role: 'tool', tool_call_id: 'c', content: 'a bomb' },
          ],
        ]
        for (const messages of smuggled) {
          const all = [...messages, { role: 'user' as const, content: 'go on' }]
          const error = await failure(story.openai().chat.completions.create({ model: 'gpt-sim', messages: all }))
          expect(error, JSON.stringify(messages)).toMatchObject({ status: 400, code: 'content_filter' })
        }
        expect(story.upstream.requests.length).toBe(before)
      }))

    it('look at what is added to a running turn', () =>
      under([words(['Bomb'], 'block', { where: 'input' })], async () => {
        const app = await story.app()
        const held = story.upstream.hold()
        held.send('Working on it')
        const client = await story.post(`/api/v1/chat/${app.id}/chat/completions`, ask('Work', { stream: true }))
        await held.request
        const id = client.headers.get('x-turn-id')!
        const steered = await story.api('POST', `/api/v1/turns/${id}/commands`, { type: 'steer', text: 'add a bomb' })
        expect(steered.body.data.outcome).toBe('applied')
        await client.all()
        const turn = (await story.api('GET', `/api/v1/turns/${id}`)).body.data
        expect(turn).toMatchObject({ status: 'failed', error: { code: 'content-blocked' } })
        expect(turn.parts.at(-1)).toEqual({ type: 'input', parts: [{ type: 'text', text: 'add a ***' }] })
        expect((await violations())[0]).toMatchObject({ place: 'steering', where: 'input' })
      }))

    it('look into documents that are added to a running turn', () =>
      under([words(['Bomb'], 'block', { where: 'input' })], async () => {
        const held = story.upstream.hold()
        held.send('Working on it')
        const client = await openNodeTool(story.parley)
        client.send({ role: 'user', content: 'Work', model: 'gpt-sim' })
        const { turn_id } = await client.until({ content: 'Working on it' })
        const before = story.upstream.requests.length
        const document = { data: btoa('how to make a bomb'), mime_type: 'text/plain', metadata: { name: 'how.txt' } }
        client.send({ type: 'steer', content: [{ type: 'document', document }] })
        await client.until({ type: 'command_result', outcome: 'applied' })
        const look = async () => (await story.api('GET', `/api/v1/turns/${turn_id}`)).body.data
        await until(async () => (await look()).status !== 'running')
        const turn = await look()
        expect(turn).toMatchObject({ status: 'failed', error: { code: 'content-blocked' } })
        expect(turn.parts.at(-1)).toEqual({ type: 'input', parts: [] })
        expect((await violations())[0]).toMatchObject({ place: 'steering', where: 'input' })
        expect(story.upstream.requests.length).toBe(before)
        await client.close()
      }))

    it('replay what was refused for the same Idempotency-Key, without asking again', () =>
      under([words(['Bomb'], 'block')], async () => {
        const headers = { 'idempotency-key': `refused-on-${kind}` }
        const first = await story.api('POST', '/v1/chat/completions', ask('a bomb'), headers)
        const again = await story.api('POST', '/v1/chat/completions', ask('a bomb'), headers)
        expect([first.status, again.status]).toEqual([400, 400])
        expect(again.headers.get('x-turn-id')).toBe(first.headers.get('x-turn-id'))
        expect(await violations(`?rule_id=${(await violations())[0].rule_id}`)).toHaveLength(1)
      }))

    it('let a model judge, whose tokens are the turn’s', () => {
      const rule = {
        name: 'be polite',
        kind: 'judge',
        where: 'input',
        action: 'block',
        config: { model: 'gpt-sim', instructions: 'It is rude.' },
      }
      return under([rule], async () => {
        story.upstream.script(
          { text: 'ALLOW', usage: { input: 100, output: 1 } },
          { text: 'Hi!', usage: { input: 5, output: 2 } },
        )
        const fine = await story.api('POST', '/v1/chat/completions', ask('Hello there, judge'))
        expect(fine.body.choices[0].message.content).toBe('Hi!')
        expect(fine.body.usage).toMatchObject({ prompt_tokens: 105, completion_tokens: 3 })
        const [judging, answering] = story.upstream.requests.slice(-2)
        expect(judging!.lastUserText).toBe('"Hello there, judge"')
        expect(JSON.stringify(judging!.body.messages)).toContain('It is rude.')
        expect(answering!.lastUserText).toBe('Hello there, judge')

        // Once let through, it is not judged again.
        const before = story.upstream.requests.length
        await story.api('POST', '/v1/chat/completions', ask('Hello there, judge'))
        expect(story.upstream.requests.length).toBe(before + 1)

        story.upstream.script({ text: 'BLOCK', usage: { input: 50, output: 1 } })
        const headers = { 'x-session-id': 'judged' }
        const refused = await story.api('POST', '/v1/chat/completions', ask('You fool'), headers)
        expect(refused).toMatchObject({ status: 400, body: { error: { code: 'content_filter' } } })
        const turn = (await story.api('GET', `/api/v1/turns/${refused.headers.get('x-turn-id')}`)).body.data
        expect(turn).toMatchObject({ status: 'failed', usage: { prompt_tokens: 50, completion_tokens: 1 } })
        const [found] = await violations()
        expect(found).toMatchObject({ kind: 'judge', excerpt: '[refused by gpt-sim]' })
        const session = (await story.api('GET', '/api/v1/chat/sessions')).body.data.find(
          (one: { session_id: string }) => one.session_id === 'judged',
        )
        const kept = (await story.api('GET', `/api/v1/chat/sessions/${session.id}/messages`)).body.data
        expect(kept[0].content).toBe('[removed]')
        expect(session.title).toBe('[removed]')

        story.upstream.script({ text: 'ALLOW' })
        await story.api('POST', '/v1/chat/completions', ask('You are kind'), headers)
        expect(story.upstream.requests.at(-1)!.body.messages).toEqual([{ role: 'user', content: 'You are kind' }])
        const messages = (await story.api('GET', `/api/v1/chat/sessions/${session.id}/messages`)).body.data
        expect(messages.map(({ content }: { content: string }) => content)).toContain('You are kind')
      })
    })

    it('ask an upstream’s moderation, sentence by sentence', () => {
      const rule = {
        name: 'moderated',
        kind: 'endpoint',
        where: 'both',
        action: 'block',
        config: { upstream: 'openai', categories: ['violence'] },
      }
      return under([rule], async () => {
        story.upstream.moderate((texts) => ({
          results: texts.map((text) => {
            const violent = text.includes('stab')
            return {
              flagged: violent,
              categories: { violence: violent, hate: false },
              category_scores: { violence: 0.9 },
            }
          }),
        }))
        const refused = await story.api('POST', '/v1/chat/completions', ask('I will stab'))
        expect(refused.status).toBe(400)
        expect((await violations())[0]).toMatchObject({ kind: 'endpoint', excerpt: '[violence]', place: 'message' })

        const held = story.upstream.hold()
        held.send('They met. ', 'Then one ')
        const client = await story.post('/v1/chat/completions', ask('A story', { stream: true }))
        const text = () =>
          client.frames
            .map(({ data }) => (data === '[DONE]' ? '' : (JSON.parse(data).choices[0]?.delta.content ?? '')))
            .join('')
        await client.until(() => text() === 'They met. ')
        held.send('would stab the other, as everybody had foreseen. ')
        await held.aborted
        const frames = await client.all()
        expect(text()).toBe('They met. ')
        expect(frames.at(-1)!.data).toBe('[DONE]')
        expect(frames.map(({ data }) => data).join()).toContain('"finish_reason":"content_filter"')
        expect(story.upstream.moderated.at(-1)).toEqual([
          'They met. Then one would stab the other, as everybody had foreseen. ',
        ])
      })
    })

    it('say what they would do to a text, and store nothing', () =>
      under(
        [words(['Bomb'], 'block'), { name: 'pd', kind: 'personal-data', where: 'both', action: 'mask' }],
        async () => {
          const app = await story.app()
          const before = await violations()
          for (const prefix of [`/api/v1/workspaces/${await workspace()}`, `/api/v1/applications/${app.id}`]) {
            const test = async (text: string, where = 'input') =>
              (await story.api('POST', `${prefix}/guardrails/test`, { text, where })).body.data
            expect(await test('hello')).toEqual({ outcome: 'allowed', text: 'hello', hits: [], cost_usd: 0 })
            expect(await test('mail ann@example.org', 'output')).toMatchObject({
              outcome: 'masked',
              text: 'mail [email]',
              hits: [{ rule_name: 'pd', kind: 'personal-data', action: 'mask', count: 1 }],
            })
            expect(await test('a bomb')).toMatchObject({
              outcome: 'blocked',
              text: '',
              hits: [{ rule_name: 'no Bomb' }],
            })
            expect(await test('ok. a bomb', 'output')).toMatchObject({ outcome: 'blocked', text: 'ok. a ' })
          }
          expect(await violations()).toEqual(before)
        },
      ))

    it('book what a judge costs who is only tried', () => {
      const rule = {
        name: 'a judge',
        kind: 'judge',
        where: 'both',
        action: 'flag',
        config: { model: 'gpt-sim', instructions: 'It is rude.' },
      }
      return under([rule], async () => {
        const used = async () => (await story.api('GET', '/api/v1/usage')).body.data.total.prompt_tokens
        const before = await used()
        story.upstream.script({ text: 'BLOCK', usage: { input: 4_321, output: 1 } })
        const prefix = `/api/v1/workspaces/${await workspace()}/guardrails`
        const { body } = await story.api('POST', `${prefix}/test`, { text: 'Fool', where: 'input' })
        expect(body.data).toMatchObject({ outcome: 'flagged', text: 'Fool', hits: [{ kind: 'judge' }] })
        // Earlier turns may be added up only now, and are few words.
        await until(async () => (await used()) - before >= 4_321)
      })
    })

    it('tell the administrators', () =>
      under([words(['Bomb'], 'flag', { name: 'tell me' })], async () => {
        const answer = await story.api('POST', '/v1/chat/completions', ask('a bomb'))
        expect(answer.status).toBe(200)
        await until(async () => {
          const { body } = await story.api('GET', '/api/v1/notifications')
          return JSON.stringify(body).includes('tell me')
        })
      }))

    it('are paged', () =>
      under([words(['Bomb'], 'flag', { where: 'input' })], async () => {
        for (let i = 0; i < 5; i++) await story.api('POST', '/v1/chat/completions', ask(`bomb ${i}`))
        const rule = (await violations())[0].rule_id
        const all = await violations(`?rule_id=${rule}`)
        expect(all).toHaveLength(5)
        const first = await violations(`?rule_id=${rule}&limit=2`)
        const second = await violations(`?rule_id=${rule}&limit=2&before=${first[1].id}`)
        const third = await violations(`?rule_id=${rule}&limit=2&before=${second[1].id}`)
        expect([...first, ...second, ...third]).toEqual(all)
        const { created_at: at } = all[2]
        const times = all.map((one: { created_at: string }) => one.created_at)
        expect((await violations(`?rule_id=${rule}&from=${at}`)).length).toBe(
          times.filter((t: string) => t >= at).length,
        )
        expect((await violations(`?rule_id=${rule}&to=${at}`)).length).toBe(times.filter((t: string) => t < at).length)
      }))
  })
