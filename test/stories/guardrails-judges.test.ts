import { describe, expect, it } from 'vitest'
import { databaseKinds } from '#test/support/databases.ts'
import { ask, useGuardrailStory } from '#test/support/guardrails-story.ts'
import { until } from '#test/support/until.ts'

for (const kind of databaseKinds)
  describe(`guardrails that ask, try and tell, on ${kind}`, () => {
    const { story, workspace, words, under, violations } = useGuardrailStory(kind)

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
