import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { databaseKinds } from '#test/support/databases.ts'
import { ask, doorNames, makeApp } from '#test/support/doors.ts'
import { encodings, openNodeTool } from '#test/support/nodetool-client.ts'
import { postSse } from '#test/support/sse-client.ts'
import { useStory } from '#test/support/story.ts'
import { startUpstream, type Upstream } from '#test/support/upstream-simulator.ts'

/** A text in deltas, cut between any two of its UTF-16 units, as upstreams do that count in those. */
const cutText = fc
  .tuple(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 }), fc.constantFrom('😀', '👩‍🚀', '𝒳'))
  .map(([text, astral]) => `${text}${astral}${astral}.`)
  .chain((text) => fc.tuple(fc.constant(text), fc.subarray([...Array(text.length - 1).keys()].map((at) => at + 1))))
  .map(([text, cuts]) => [0, ...cuts].map((from, index) => text.slice(from, cuts[index])))

const torn = ['Hi \ud83d', '\ude00', '', ' \ud83d', '\ude80!']

for (const kind of databaseKinds)
  describe(`characters that an upstream tears apart, on ${kind}`, () => {
    const env: Record<string, string> = {}
    let claude: Upstream
    beforeAll(async () => {
      claude = await startUpstream()
      claude.models = ['claude-sim']
      Object.assign(env, { ANTHROPIC_API_KEY: 'sk-ant-sim', ANTHROPIC_BASE_URL: `${claude.origin}/v1` })
    })
    afterAll(() => claude.close())
    const story = useStory(kind, { env })

    it.each(['gpt-sim', 'claude-sim'])('come whole to every reader of %s, wherever the text was cut', async (model) => {
      const upstream = model === 'gpt-sim' ? story.upstream : claude
      const appId = await makeApp(story.parley, model)
      const clients = await Promise.all(encodings.map((encoding) => openNodeTool(story.parley, { encoding })))
      const asked = { parley: story.parley, model, appId, content: 'Well?' }
      await fc.assert(
        fc.asyncProperty(cutText, async (deltas) => {
          upstream.respond({ text: deltas })
          const answers = await Promise.all(doorNames.map((door) => ask(door, asked)))
          expect(answers.map(({ text }) => text)).toEqual(doorNames.map(() => deltas.join('')))
          for (const client of clients) {
            const { turn_id, content } = await client.ask({ content: 'Well?', model })
            expect(content).toBe(deltas.join(''))
            expect(client.text(turn_id)).toBe(deltas.join(''))
          }
        }),
        { numRuns: 15, examples: [[torn]] },
      )
      upstream.respond({})
      await Promise.all(clients.map((client) => client.close()))
    })

    it('come whole in reasoning and in the arguments of tools', async () => {
      const client = await openNodeTool(story.parley, { encoding: 'binary' })
      story.upstream.script({ reasoning: torn, text: 'Yes.' })
      await client.ask({ content: 'Well?' })
      const thoughts = client.frames.filter(({ thinking }) => thinking).map(({ content }) => content)
      expect(thoughts.join('')).toBe(torn.join(''))
      await client.close()

      story.upstream.script({ toolCalls: [{ name: 'show', arguments: ['{"a":"\ud83d', '\ude00"}'] }] })
      const stream = await postSse(`${story.parley.url}/v1/chat/completions`, story.parley.headers, {
        model: 'gpt-sim',
        stream: true,
        messages: [{ role: 'user', content: 'Well?' }],
        tools: [{ type: 'function', function: { name: 'show' } }],
      })
      const frames = await stream.all()
      // The escape of a half is JSON, but not every reader of JSON takes it.
      expect(frames.filter(({ data }) => /\\ud83d|\ufffd/i.test(data))).toEqual([])
      expect(frames.map(({ data }) => data).join('')).toContain('😀')
    })

    it('a half that stays one is told at the end of its part', async () => {
      story.upstream.script({ text: ['Hi ', '\ud83d'] })
      const stream = await postSse(`${story.parley.url}/v1/chat/completions`, story.parley.headers, {
        model: 'gpt-sim',
        stream: true,
        messages: [{ role: 'user', content: 'Well?' }],
      })
      const told = (await stream.all()).map(({ data }) => (data === '[DONE]' ? '' : data)).join('')
      expect(told).toMatch(/\\ud83d|\ufffd/)
    })
  })
