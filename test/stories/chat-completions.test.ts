import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { databaseKinds } from '#test/support/databases.ts'
import { startParley } from '#test/support/parley.ts'
import { startUpstream, type Upstream } from '#test/support/upstream-simulator.ts'

for (const kind of databaseKinds)
  describe(`the openai SDK against /v1 on ${kind}`, () => {
    let upstream: Upstream
    let parley: Awaited<ReturnType<typeof startParley>>
    let openai: OpenAI

    beforeAll(async () => {
      upstream = await startUpstream()
      upstream.models = ['gpt-sim']
      parley = await startParley({ kind, upstreamUrl: upstream.url })
      openai = new OpenAI({ apiKey: parley.key, baseURL: `${parley.url}/v1`, maxRetries: 0 })
    })
    afterAll(async () => {
      await parley.close()
      await upstream.close()
    })

    it('gets a whole answer with the upstream’s usage', async () => {
      const answer = await openai.chat.completions.create({
        model: 'gpt-sim',
        messages: [{ role: 'user', content: 'Hello there' }],
      })
      expect(answer.choices[0]!.message.content).toBe('You said: Hello there')
      expect(answer.choices[0]!.finish_reason).toBe('stop')
      expect(answer.usage!.completion_tokens).toBe(4)
    })

    it('gets a stream whose deltas join to the answer', async () => {
      const stream = await openai.chat.completions.create({
        model: 'gpt-sim',
        stream: true,
        stream_options: { include_usage: true },
        messages: [{ role: 'user', content: 'Hello there' }],
      })
      let text = ''
      let usage: OpenAI.CompletionUsage | null | undefined
      for await (const chunk of stream) {
        text += chunk.choices[0]?.delta.content ?? ''
        usage = chunk.usage
      }
      expect(text).toBe('You said: Hello there')
      expect(usage!.total_tokens).toBeGreaterThan(4)
    })

    it('lists models and apps', async () => {
      const ids: string[] = []
      for await (const model of openai.models.list()) ids.push(model.id)
      expect(ids).toContain('app/assistant')
      expect(ids).toContain('gpt-sim')
      expect((await openai.models.retrieve('app/assistant')).owned_by).toBe('app')
      await expect(openai.models.retrieve('nope')).rejects.toBeInstanceOf(OpenAI.NotFoundError)
    })
  })
