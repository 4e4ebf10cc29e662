import type OpenAI from 'openai'
import { describe, expect, it } from 'vitest'
import { databaseKinds } from '#test/support/databases.ts'
import { ask, useGuardrailStory } from '#test/support/guardrails-story.ts'
import { openNodeTool } from '#test/support/nodetool-client.ts'
import { until } from '#test/support/until.ts'

for (const kind of databaseKinds)
  describe(`what guardrails reach, on ${kind}`, () => {
    const { story, workspace, words, under, violations, failure } = useGuardrailStory(kind)

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
  })
