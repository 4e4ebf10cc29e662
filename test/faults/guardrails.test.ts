import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { databaseKinds } from '#test/support/databases.ts'
import { lapseLeases, query, wrongInBooks } from '#test/support/ledger.ts'
import { type Home, makeHome, spawnParley, startParley } from '#test/support/parley.ts'
import { postSse } from '#test/support/sse-client.ts'
import { useStory } from '#test/support/story.ts'
import { until } from '#test/support/until.ts'
import { type ModerationReply, startUpstream, type Upstream } from '#test/support/upstream-simulator.ts'

const ask = (content: string, more: object = {}) => ({
  model: 'gpt-sim',
  messages: [{ role: 'user', content }],
  ...more,
})

const faults: [string, ModerationReply][] = [
  ['answers 500', { status: 500, body: '{"error":{"message":"broken"}}' }],
  ['answers 404', { status: 404, body: 'no such route' }],
  ['refuses its key', { status: 401, body: '{"error":{"message":"bad key"}}' }],
  ['answers nothing', 'stall'],
  ['answers with a page', { status: 200, body: '<!doctype html><title>Welcome</title>' }],
  ['answers with half of its JSON', { status: 200, body: '{"results":[{"flagg' }],
  ['answers with an error', { status: 200, body: '{"error":{"message":"no"}}' }],
  ['has no result', { results: [] }],
  ['has a result too many', { results: [{ flagged: false }, { flagged: false }] }],
  ['has a result that says nothing', { results: [{}] }],
  ['has a result that is no yes or no', { results: [{ flagged: 'no' }] }],
]

for (const kind of databaseKinds)
  describe(`whom guardrails ask, out of order, on ${kind}`, () => {
    const story = useStory(kind, { overrides: { guardrails: { endpointMs: 100, judgeMs: 100 } } })
    let prefix = ''
    beforeAll(async () => {
      prefix = `/api/v1/workspaces/${(await story.api('GET', '/api/v1/workspaces')).body.data[0].id}/guardrails`
    })

    async function under(rule: object, during: () => Promise<void>): Promise<void> {
      const made = await story.api('POST', prefix, { name: 'asks', action: 'block', ...rule })
      expect(made, JSON.stringify(made.body)).toMatchObject({ status: 201 })
      try {
        await during()
      } finally {
        await story.api('DELETE', `${prefix}/${made.body.data.id}`)
      }
    }
    const endpoint = (where: string, outage: string) => ({
      kind: 'endpoint',
      where,
      config: { upstream: 'openai', on_outage: outage },
    })
    const newest = async () => (await story.api('GET', `${prefix}/violations?limit=1`)).body.data[0]

    it.for(faults)('a moderation endpoint that %s: what the rule says about outages', async ([, reply]) => {
      story.upstream.moderate(() => reply)
      await under(endpoint('input', 'closed'), async () => {
        const before = story.upstream.requests.length
        const refused = await story.api('POST', '/v1/chat/completions', ask('Hello'))
        expect(refused).toMatchObject({ status: 400, body: { error: { code: 'content_filter' } } })
        expect(story.upstream.requests.length).toBe(before)
        expect(await newest()).toMatchObject({ outage: true, excerpt: '', turn_id: refused.headers.get('x-turn-id') })
      })
      await under(endpoint('input', 'open'), async () => {
        const before = await newest()
        const answer = await story.api('POST', '/v1/chat/completions', ask('Hello'))
        expect(answer.body.choices[0].message.content).toBe('You said: Hello')
        expect(await newest()).toEqual(before)
      })
      await under(endpoint('output', 'closed'), async () => {
        story.upstream.script({ text: 'One. Two. ' })
        const refused = await story.api('POST', '/v1/chat/completions', ask('Hello', { stream: true }))
        expect(refused).toMatchObject({ status: 400, body: { error: { code: 'content_filter' } } })
        expect(await newest()).toMatchObject({ outage: true, where: 'output' })
      })
      await under(endpoint('output', 'open'), async () => {
        const answer = await story.api('POST', '/v1/chat/completions', ask('Hello'))
        expect(answer.body.choices[0].message.content).toBe('You said: Hello')
      })
      await under({ ...endpoint('both', 'closed'), action: 'flag' }, async () => {
        const before = await newest()
        const answer = await story.api('POST', '/v1/chat/completions', ask('Hello'))
        expect(answer.body.choices[0].message.content).toBe('You said: Hello')
        expect(await newest()).toEqual(before)
      })
    })

    it('an upstream that was taken away is an outage of the rules that ask it', async () => {
      const made = await story.api('POST', prefix, { name: 'asks', action: 'block', ...endpoint('input', 'closed') })
      const { database } = story.parley.parley
      await database.write((tx) =>
        tx.db
          .updateTable('guardrails')
          .set({ config: JSON.stringify({ kind: 'endpoint', upstream: 'gone', onOutage: 'closed' }) })
          .execute(),
      )
      await story.api('PATCH', `${prefix}/${made.body.data.id}`, { name: 'asks whom nobody knows' })
      expect((await story.api('POST', '/v1/chat/completions', ask('Hello'))).status).toBe(400)
      expect(await newest()).toMatchObject({ outage: true })
      await story.api('DELETE', `${prefix}/${made.body.data.id}`)
    })

    it.for(['closed', 'open'])('a judge that fails, is late or says nothing: %s', async (outage) => {
      const rule = { kind: 'judge', where: 'input', config: { model: 'gpt-sim', instructions: 'x', on_outage: outage } }
      const expected = outage === 'closed' ? 400 : 200
      await under(rule, async () => {
        story.upstream.script({ strike: { kind: 'status', status: 400 } })
        expect((await story.api('POST', '/v1/chat/completions', ask('One'))).status).toBe(expected)
        story.upstream.script({ text: 'I would rather not say' })
        expect((await story.api('POST', '/v1/chat/completions', ask('Two'))).status).toBe(expected)
        story.upstream.script({ strike: { kind: 'stall' } })
        expect((await story.api('POST', '/v1/chat/completions', ask('Three'))).status).toBe(expected)
      })
    })

    it('a caller who cancels does not wait for it, and no model sees what was not checked', async () => {
      story.upstream.moderate(() => 'stall')
      const slow = `slow-on-${kind}`
      await under(endpoint('input', 'closed'), async () => {
        const app = await story.app()
        const asked = story.post(`/api/v1/chat/${app.id}/chat/completions`, ask('Wait', { stream: true }), {
          'x-session-id': slow,
        })
        const turns = () =>
          query(
            story.parley.home,
            `select t.public_id, t.status, i.messages from turns t join turn_inputs i on i.turn_id = t.id
             join conversations c on c.id = t.conversation_id where c.external_id = '${slow}'`,
          )
        const [turn] = await until(async () => {
          const found = await turns()
          return found.length > 0 && found
        })
        // Not stored before it was checked.
        expect(turn!.messages).toBe('[]')
        await story.api('POST', `/api/v1/turns/${turn!.public_id}/commands`, { type: 'cancel' })
        await (await asked).untilGone()
        await until(async () => (await turns())[0]!.status !== 'running')
        const [ended] = await turns()
        expect(ended!.messages).not.toContain('Wait')
      })
    })

    it('leaves the books right', async () => {
      expect(await wrongInBooks(story.parley.home)).toEqual([])
    })
  })

for (const kind of databaseKinds)
  describe(`kill -9 while guardrails ask on ${kind}`, () => {
    let upstream: Upstream
    let home: Home
    const cleanUps: (() => Promise<unknown>)[] = []
    beforeAll(async () => {
      upstream = await startUpstream()
      upstream.models = ['gpt-sim']
    })
    afterAll(() => upstream.close())
    afterEach(async () => {
      for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
    })

    it('leaves nothing unchecked in the history, and the conversation goes on', async () => {
      home = await makeHome(kind)
      cleanUps.push(home.remove)
      const first = await spawnParley({ home, upstreamUrl: upstream.url })
      cleanUps.push(() => first.stop('SIGKILL'))
      const { headers } = first
      const listed = await fetch(`${first.url}/api/v1/workspaces`, { headers })
      const { data } = (await listed.json()) as { data: { id: string }[] }
      const rule = {
        name: 'asks',
        kind: 'endpoint',
        where: 'input',
        action: 'block',
        config: { upstream: 'openai' },
      }
      const made = await fetch(`${first.url}/api/v1/workspaces/${data[0]!.id}/guardrails`, {
        method: 'POST',
        headers,
        body: JSON.stringify(rule),
      })
      expect(made.status).toBe(201)
      upstream.moderate(() => 'stall')
      const session = { ...headers, 'x-session-id': 'unchecked' }
      const asked = postSse(`${first.url}/v1/chat/completions`, session, ask('Terrible things', { stream: true }))
      asked.catch(() => undefined)
      await until(() => upstream.moderated.length > 0)
      await until(async () => (await query(home, 'select id from turns')).length > 0)
      await first.stop('SIGKILL')

      await lapseLeases(home)
      const second = await startParley({ home, upstreamUrl: upstream.url })
      cleanUps.push(() => second.close())
      upstream.moderate((texts) => ({ results: texts.map(() => ({ flagged: false })) }))
      await until(async () => (await query(home, `select id from turns where status = 'running'`)).length === 0)
      const [conversation] = await query(home, 'select title from conversations')
      expect(conversation).toEqual({ title: '' })
      const response = await fetch(`${second.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { ...second.headers, 'x-session-id': 'unchecked' },
        body: JSON.stringify(ask('Nice things')),
      })
      expect(response.status).toBe(200)
      expect(upstream.requests.at(-1)!.body.messages).toEqual([{ role: 'user', content: 'Nice things' }])
      expect(await wrongInBooks(home)).toEqual([])
    })
  })
