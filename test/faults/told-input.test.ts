import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { useStory } from '#test/support/story.ts'
import { type Reply, startUpstream, type Upstream } from '#test/support/upstream-simulator.ts'

const told = { prompt_tokens: 4321, prompt_tokens_details: { cached_tokens: 4000 }, estimated: true }
const ask = { stream: true, messages: [{ role: 'user', content: 'Well?' }] }

/** Gemini tells the figures so far with every piece. */
const piece = JSON.stringify({
  candidates: [{ content: { role: 'model', parts: [{ text: 'Half an ' }] }, index: 0 }],
  usageMetadata: { promptTokenCount: 4321, cachedContentTokenCount: 4000, candidatesTokenCount: 2 },
})
const headers = { 'content-type': 'text/event-stream' }

describe('a call that breaks off after its upstream has counted the input', () => {
  const env: Record<string, string> = {}
  let claude: Upstream
  let gemini: Upstream
  beforeAll(async () => {
    claude = await startUpstream()
    claude.models = ['claude-sim']
    gemini = await startUpstream()
    gemini.models = ['gemini-sim']
    Object.assign(env, {
      ANTHROPIC_API_KEY: 'sk-ant-sim',
      ANTHROPIC_BASE_URL: `${claude.origin}/v1`,
      GEMINI_API_KEY: 'sk-gem-sim',
      GEMINI_BASE_URL: `${gemini.origin}/v1beta`,
    })
  })
  afterAll(() => Promise.all([claude.close(), gemini.close()]))
  const story = useStory('sqlite', { env })

  const usageOf = async (id: string | null) => (await story.api('GET', `/api/v1/turns/${id}`)).body.data.usage
  const usage = { input: 4321, cached: 4000, output: 9 }
  const half = { text: ['Half an ', 'answer'], usage, after: 1 }

  it.each<[name: string, model: string, reply: Reply]>([
    ['Anthropic, cut', 'claude-sim', { ...half, strike: { kind: 'cut' } }],
    ['Anthropic, with an error', 'claude-sim', { ...half, strike: { kind: 'error' } }],
    ['Google, cut', 'gemini-sim', { raw: { headers, body: `data: ${piece}\r\n\r\n` } }],
  ])('%s: is charged for what it counted, and by estimate for what it wrote', async (_name, model, reply) => {
    const other = model === 'claude-sim' ? claude : gemini
    other.script(reply)
    const stream = await story.post('/v1/chat/completions', { model, ...ask })
    expect((await stream.all()).some(({ data }) => data.startsWith('{"error"'))).toBe(true)
    const { completion_tokens, ...settled } = await usageOf(stream.headers.get('x-turn-id'))
    expect(settled).toMatchObject(told)
    expect(completion_tokens).toBeGreaterThan(0)
    expect(completion_tokens).toBeLessThan(9)
  })

  it('so is one that its user cancels', async () => {
    claude.script({ ...half, strike: { kind: 'stall' } })
    const stream = await story.post('/v1/chat/completions', { model: 'claude-sim', ...ask })
    await stream.until(({ data }) => data.includes('Half an '))
    const id = stream.headers.get('x-turn-id')
    await story.api('POST', `/api/v1/turns/${id}/commands`, { type: 'cancel' })
    await stream.all()
    expect(await usageOf(id)).toMatchObject(told)
  })

  it('where nothing believable was told, all is estimated', async () => {
    for (const usage of ['missing', 'negative', { input: 0, output: 1 }] as const) {
      claude.script({ ...half, usage, strike: { kind: 'cut' } })
      const stream = await story.post('/v1/chat/completions', { model: 'claude-sim', ...ask })
      await stream.all()
      const { prompt_tokens, estimated } = await usageOf(stream.headers.get('x-turn-id'))
      expect(estimated).toBe(true)
      expect(prompt_tokens).toBeGreaterThan(0)
      expect(prompt_tokens).toBeLessThan(100)
    }
  })
})
