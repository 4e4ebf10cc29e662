import type OpenAI from 'openai'
import { LengthFinishReasonError } from 'openai/error'
import { describe, expect, it } from 'vitest'
import { databaseKinds } from '#test/support/databases.ts'
import { useStory } from '#test/support/story.ts'

const weather = {
  type: 'function' as const,
  function: { name: 'weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } },
}
const ask = { model: 'gpt-sim', messages: [{ role: 'user' as const, content: 'Is it warm in Oslo?' }] }

for (const kind of databaseKinds)
  describe(`the openai SDK on ${kind}`, () => {
    const story = useStory(kind, { overrides: { turns: { leaveGraceMs: 1 } } })

    it('runs a tool and hands its result back', async () => {
      const openai = story.openai()
      story.upstream.script({ toolCalls: [{ id: 'call_a', name: 'weather', arguments: ['{"city"', ':"Oslo"}'] }] })
      const first = await openai.chat.completions.create({ ...ask, tools: [weather] })
      expect(first.choices[0]!.finish_reason).toBe('tool_calls')
      const { message } = first.choices[0]!
      expect(message.content).toBeNull()
      expect(message.tool_calls).toEqual([
        { id: 'call_a', type: 'function', function: { name: 'weather', arguments: '{"city":"Oslo"}' } },
      ])

      const before = story.upstream.requests.length
      story.upstream.script({ text: 'It is cold.' })
      const second = await openai.chat.completions.create({
        ...ask,
        tools: [weather],
        messages: [...ask.messages, message, { role: 'tool', tool_call_id: 'call_a', content: '-3 °C' }],
      })
      expect(second.choices[0]!.message.content).toBe('It is cold.')
      const sent = story.upstream.requests[before]!.body.messages as Record<string, unknown>[]
      expect(sent.map(({ role }) => role)).toEqual(['user', 'assistant', 'tool'])
      expect(sent[1]).toMatchObject({ tool_calls: [{ id: 'call_a', function: { arguments: '{"city":"Oslo"}' } }] })
      expect(sent[2]).toMatchObject({ tool_call_id: 'call_a', content: '-3 °C' })
    })

    it('hears of a call that was cut off that the answer was, whole and streamed', async () => {
      const cut = { toolCalls: [{ name: 'weather', arguments: '{"ci' }], finish: 'length' as const }
      story.upstream.script(cut, cut, cut)
      const { completions } = story.openai().chat
      const whole = await completions.create({ ...ask, tools: [weather] })
      expect(whole.choices[0]!.finish_reason).toBe('length')
      const strict = { ...weather, function: { ...weather.function, strict: true } }
      await expect(completions.parse({ ...ask, tools: [strict] })).rejects.toThrow(LengthFinishReasonError)
      const reasons = []
      for await (const chunk of await completions.create({ ...ask, tools: [weather], stream: true }))
        reasons.push(chunk.choices[0]!.finish_reason)
      expect(reasons.at(-1)).toBe('length')
    })

    it('streams parallel tool calls that the SDK puts together again', async () => {
      story.upstream.script({
        text: 'Let me see.',
        toolCalls: [
          { id: 'call_a', name: 'weather', arguments: ['{"city":', '"Oslo"}'] },
          { id: 'call_b', name: 'weather', arguments: ['{"city":"Bergen"}'] },
        ],
      })
      const runner = story.openai().chat.completions.stream({ ...ask, tools: [weather] })
      const { choices, system_fingerprint } = await runner.finalChatCompletion()
      expect(system_fingerprint).toBe('fp_sim')
      expect(choices[0]!.finish_reason).toBe('tool_calls')
      expect(choices[0]!.message.content).toBe('Let me see.')
      expect(
        choices[0]!.message.tool_calls!.map((call) => call.type === 'function' && [call.id, call.function.arguments]),
      ).toEqual([
        ['call_a', '{"city":"Oslo"}'],
        ['call_b', '{"city":"Bergen"}'],
      ])
    })

    it('speaks the older functions, whole and streamed', async () => {
      const { name, parameters } = weather.function
      const functions = [{ name, parameters }]
      story.upstream.script({ toolCalls: [{ name: 'weather', arguments: '{"city":"Oslo"}' }] })
      const first = await story.openai().chat.completions.create({ ...ask, functions })
      expect(first.choices[0]!.finish_reason).toBe('function_call')
      expect(first.choices[0]!.message.function_call).toEqual({ name: 'weather', arguments: '{"city":"Oslo"}' })

      const before = story.upstream.requests.length
      const messages: OpenAI.ChatCompletionMessageParam[] = [
        ...ask.messages,
        first.choices[0]!.message,
        { role: 'function', name: 'weather', content: '-3 °C' },
      ]
      const stream = await story.openai().chat.completions.create({ ...ask, functions, messages, stream: true })
      let text = ''
      for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? ''
      expect(text).toBe('You said: Is it warm in Oslo?')
      const sent = story.upstream.requests[before]!.body.messages as Record<string, unknown>[]
      expect(sent.at(-1)).toMatchObject({ role: 'tool', content: '-3 °C' })
      expect((sent[1]!.tool_calls as { id: string }[])[0]!.id).toBe(sent[2]!.tool_call_id)

      story.upstream.script({ toolCalls: [{ name: 'weather', arguments: ['{', '}'] }] })
      const calling = await story.openai().chat.completions.create({ ...ask, functions, stream: true })
      let called = ''
      const reasons: (string | null)[] = []
      for await (const chunk of calling) {
        called += chunk.choices[0]?.delta.function_call?.name ?? ''
        called += chunk.choices[0]?.delta.function_call?.arguments ?? ''
        if (chunk.choices[0]?.finish_reason) reasons.push(chunk.choices[0].finish_reason)
      }
      expect(called).toBe('weather{}')
      expect(reasons).toEqual(['function_call'])
    })

    it.each([true, false])(
      'tells only the first of several calls to who knows functions; streamed: %s',
      async (stream) => {
        const functions = [{ name: 'weather' }, { name: 'time' }]
        story.upstream.script({
          toolCalls: [
            { name: 'weather', arguments: ['{"city":', '"Oslo"}'] },
            { name: 'time', arguments: ['{', '}'] },
          ],
        })
        const called = { name: '', arguments: '' }
        if (stream) {
          const chunks = await story.openai().chat.completions.create({ ...ask, functions, stream })
          for await (const chunk of chunks) {
            called.name += chunk.choices[0]?.delta.function_call?.name ?? ''
            called.arguments += chunk.choices[0]?.delta.function_call?.arguments ?? ''
          }
        } else {
          const { choices } = await story.openai().chat.completions.create({ ...ask, functions, stream })
          Object.assign(called, choices[0]!.message.function_call)
        }
        expect(called).toEqual({ name: 'weather', arguments: '{"city":"Oslo"}' })
      },
    )

    it('speaks the older functions in a session, too, and each result finds its call', async () => {
      const { name, parameters } = weather.function
      const functions = [{ name, parameters }]
      const inSession = { headers: { 'x-session-id': `functions-${kind}` } }
      const { completions } = story.openai().chat
      const before = story.upstream.requests.length
      for (const city of ['Oslo', 'Rome']) {
        story.upstream.script({
          toolCalls: [{ id: `call_${city}`, name: 'weather', arguments: JSON.stringify({ city }) }],
        })
        await completions.create({ ...ask, functions }, inSession)
        const messages = [{ role: 'function' as const, name: 'weather', content: `Fine in ${city}` }]
        await completions.create({ ...ask, functions, messages }, inSession)
      }
      const sent = story.upstream.requests[before + 3]!.body.messages as Record<string, unknown>[]
      expect(sent.map(({ role }) => role)).toEqual([
        'user',
        'assistant',
        'tool',
        'assistant',
        'user',
        'assistant',
        'tool',
      ])
      expect(sent.filter(({ role }) => role === 'tool')).toMatchObject([
        { tool_call_id: 'call_Oslo', content: 'Fine in Oslo' },
        { tool_call_id: 'call_Rome', content: 'Fine in Rome' },
      ])
    })

    it('goes on after an answer that was spoken', async () => {
      const before = story.upstream.requests.length
      await story.openai().chat.completions.create({
        ...ask,
        messages: [
          ...ask.messages,
          { role: 'assistant', audio: { id: 'audio_abc' } },
          { role: 'user', content: 'Why?' },
        ],
      })
      const sent = story.upstream.requests[before]!.body.messages as Record<string, unknown>[]
      expect(sent[1]).toEqual({ role: 'assistant', content: null, audio: { id: 'audio_abc' } })
    })

    it('parses an answer that had to fit a JSON schema', async () => {
      const schema = {
        type: 'object',
        properties: { warm: { type: 'boolean' } },
        required: ['warm'],
        additionalProperties: false,
      }
      const before = story.upstream.requests.length
      story.upstream.script({ text: ['{"warm":', 'false}'] })
      const answer = await story.openai().chat.completions.parse({
        ...ask,
        response_format: { type: 'json_schema', json_schema: { name: 'weather', strict: true, schema } },
      })
      expect(JSON.parse(answer.choices[0]!.message.content!)).toEqual({ warm: false })
      expect(story.upstream.requests[before]!.body.response_format).toEqual({
        type: 'json_schema',
        json_schema: { name: 'weather', strict: true, schema },
      })
    })

    it('may ask for every effort that it knows', async () => {
      const efforts: Record<NonNullable<OpenAI.ReasoningEffort>, true> = {
        none: true,
        minimal: true,
        low: true,
        medium: true,
        high: true,
        xhigh: true,
        max: true,
      }
      const before = story.upstream.requests.length
      for (const effort of Object.keys(efforts) as OpenAI.ReasoningEffort[])
        await story.openai().chat.completions.create({ ...ask, reasoning_effort: effort })
      const sent = story.upstream.requests.slice(before).map(({ body }) => body.reasoning_effort)
      expect(sent).toEqual(Object.keys(efforts))
    })

    it('is told where in the answer a citation stands', async () => {
      const url_citation = { url: 'https://example.org/', title: 'Example', start_index: 4, end_index: 8 }
      const message = { role: 'assistant', content: 'See here.', annotations: [{ type: 'url_citation', url_citation }] }
      const body = JSON.stringify({ choices: [{ index: 0, message, finish_reason: 'stop' }] })
      const raw = { headers: { 'content-type': 'application/json' }, body }
      story.upstream.script({ raw }, { raw })
      const { completions } = story.openai().chat
      const { choices } = await completions.create(ask)
      expect(choices[0]!.message.annotations).toEqual(message.annotations)
      const told = []
      for await (const chunk of await completions.create({ ...ask, stream: true }))
        told.push(...((chunk.choices[0]!.delta as { annotations?: unknown[] }).annotations ?? []))
      expect(told).toEqual(message.annotations)
    })

    it('hears a refusal as one', async () => {
      story.upstream.script({ refusal: 'I would rather not.' })
      const { choices } = await story.openai().chat.completions.create(ask)
      expect(choices[0]!.message).toMatchObject({ refusal: 'I would rather not.', content: null })
    })

    it('may leave in the middle: the model is stopped, and what it wrote is settled as an estimate', async () => {
      const held = story.upstream.hold()
      held.send('Quite ')
      const stream = await story
        .openai()
        .chat.completions.create({ ...ask, stream: true })
        .withResponse()
      const turnId = stream.response.headers.get('x-turn-id')!
      held.send('a few ', 'words ')
      let text = ''
      for await (const chunk of stream.data) {
        text += chunk.choices[0]?.delta.content ?? ''
        if (text.endsWith('words ')) stream.data.controller.abort()
      }
      await held.aborted
      // Reading waits for the end.
      const events = await (await story.read(`/api/v1/turns/${turnId}/events`)).all()
      expect(events.at(-1)!.event).toBe('turn-end')
      const { body } = await story.api('GET', `/api/v1/turns/${turnId}`)
      expect(body.data).toMatchObject({ status: 'cancelled', text: 'Quite a few words ' })
      expect(body.data.usage).toMatchObject({ estimated: true })
      expect(body.data.usage.completion_tokens).toBeGreaterThan(0)
    })

    it('asks for more than one answer in vain', async () => {
      await expect(story.openai().chat.completions.create({ ...ask, n: 2 })).rejects.toMatchObject({
        status: 400,
        param: 'n',
      })
    })
  })
