import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { databaseKinds } from '#test/support/databases.ts'
import { useStory } from '#test/support/story.ts'
import { startUpstream, type Upstream } from '#test/support/upstream-simulator.ts'

const ask = (content: string, more: object = {}) => ({ messages: [{ role: 'user', content }], ...more })

for (const kind of databaseKinds)
  describe(`two upstreams of one model on ${kind}`, () => {
    const env: Record<string, string> = {}
    let second: Upstream
    beforeAll(async () => {
      second = await startUpstream()
      second.models = ['gpt-sim']
      env.OLLAMA_HOST = second.origin
    })
    afterAll(() => second.close())
    const story = useStory(kind, { env })
    const complete = (content: string, more: object = {}) =>
      story.api('POST', '/v1/chat/completions', ask(content, { model: 'gpt-sim', ...more }))

    it('the first one is asked while it works', async () => {
      expect((await complete('Hello')).body.choices[0].message.content).toBe('You said: Hello')
      expect(second.requests).toHaveLength(0)
    })

    it('when the first fails before it speaks, the second answers, and nobody notices', async () => {
      for (const strike of [
        { kind: 'status' as const, status: 500 },
        { kind: 'status' as const, status: 429 },
        { kind: 'html' as const },
        { kind: 'reset' as const },
      ]) {
        story.upstream.script({ strike })
        second.script({ text: `Instead of ${strike.kind}` })
        const { status, body } = await complete('Hello')
        expect(status).toBe(200)
        expect(body.choices[0].message.content).toBe(`Instead of ${strike.kind}`)
      }
    })

    it('when both fail, the caller is told once, without what they said', async () => {
      const down = { strike: { kind: 'status' as const, status: 503 } }
      for (const upstream of [story.upstream, second]) upstream.respond(down)
      const { status, body } = await complete('Hello')
      expect(status).toBe(503)
      expect(body.error).toMatchObject({ type: 'service_unavailable_error', code: 'upstream_overloaded' })
      expect(JSON.stringify(body)).not.toContain('sk-upstream-secret')
      for (const upstream of [story.upstream, second]) upstream.respond({})
    })

    it('what the request itself is refused for is not asked again elsewhere', async () => {
      const before = second.requests.length
      story.upstream.script({ strike: { kind: 'status', status: 400 } })
      const { status } = await complete('Hello')
      // A circuit that is still open sends it to the second alone; then nothing was refused.
      if (second.requests.length === before) expect(status).toBeGreaterThanOrEqual(400)
      else expect(status).toBe(200)
    })
  })

for (const kind of databaseKinds)
  describe(`without a language model, on ${kind}`, () => {
    const story = useStory(kind, { upstreamUrl: '' })
    const report = [
      'The harbour of Lindow was built in 1871 by Captain Mary Ostberg.',
      'It has forty berths and a lighthouse.',
      'Ships pay a fee of twelve crowns a night.',
    ].join(' ')

    it('an attached file is quoted and cited', async () => {
      const app = await story.app()
      const { body, headers } = await story.api('POST', `/api/v1/chat/${app.id}/chat/completions`, {
        messages: [
          {
            role: 'user',
            content: 'Who built the harbour of Lindow?',
            attachments: [{ filename: 'harbour.txt', fileType: 'txt', size: report.length, content: report }],
          },
        ],
      })
      expect(body.choices[0].message.content).toContain('Captain Mary Ostberg')
      const { body: turn } = await story.api('GET', `/api/v1/turns/${headers.get('x-turn-id')}`)
      const sources = turn.data.parts.filter((part: { type: string }) => part.type === 'source')
      expect(sources[0].source).toMatchObject({ title: 'harbour.txt', content: expect.stringContaining('1871') })
    })

    it('a file as OpenAI’s clients send it is read too', async () => {
      const file_data = `data:text/plain;base64,${Buffer.from(report).toString('base64')}`
      const content = [
        { type: 'text', text: 'How much is the fee for a night?' },
        { type: 'file', file: { filename: 'harbour.txt', file_data } },
      ]
      const { body } = await story.api('POST', '/v1/chat/completions', {
        model: 'builtin/extractive',
        messages: [{ role: 'user', content }],
      })
      expect(body.choices[0].message.content).toContain('twelve crowns')
    })

    it('it says plainly that it has nothing to quote, and how to add a model', async () => {
      const app = await story.app()
      const { body } = await story.api('POST', `/api/v1/chat/${app.id}/chat/completions`, ask('What is love?'))
      expect(body.choices[0].message.content).toContain('OPENAI_API_KEY')
    })
  })
