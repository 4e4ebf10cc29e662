import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { databaseKinds } from '#test/support/databases.ts'
import { makeHome, startParley } from '#test/support/parley.ts'
import { chunkText, postSse } from '#test/support/sse-client.ts'
import { useStory } from '#test/support/story.ts'
import { startUpstream } from '#test/support/upstream-simulator.ts'

const ask = { model: 'gpt-sim', messages: [{ role: 'user', content: 'Hello' }] }
const key = (name: string) => ({ 'idempotency-key': name })
const path = '/v1/chat/completions'

for (const kind of databaseKinds)
  describe(`Idempotency-Key on ${kind}`, () => {
    const story = useStory(kind)

    it('gives a second request the first one’s answer, word for word', async () => {
      const before = story.upstream.requests.length
      const first = await story.api('POST', path, ask, key('one'))
      const second = await story.api('POST', path, ask, key('one'))
      expect(second.body).toEqual(first.body)
      expect(second.headers.get('x-turn-id')).toBe(first.headers.get('x-turn-id'))
      expect(story.upstream.requests).toHaveLength(before + 1)
    })

    it('lets requests at the same moment share one turn, from its first word on', async () => {
      const before = story.upstream.requests.length
      const held = story.upstream.hold()
      held.send('One ')
      const streams = await Promise.all(
        Array.from({ length: 5 }, () =>
          postSse(story.parley.url + path, { ...story.parley.headers, ...key('shared') }, { ...ask, stream: true }),
        ),
      )
      expect(new Set(streams.map(({ headers }) => headers.get('x-turn-id'))).size).toBe(1)
      held.send('two')
      held.finish()
      const all = await Promise.all(streams.map((stream) => stream.all()))
      for (const frames of all) expect(chunkText(frames)).toBe('One two')
      expect(story.upstream.requests).toHaveLength(before + 1)
    })

    it('refuses another request with a used key, and belongs to its user and workspace alone', async () => {
      await story.api('POST', path, ask, key('taken'))
      expect(await story.api('POST', path, { ...ask, temperature: 0.1 }, key('taken'))).toMatchObject({
        status: 409,
        body: { error: { type: 'invalid_request_error' } },
      })
      const other = await story.api(
        'POST',
        '/api/v1/auth/register',
        { email: `someone-${kind}@example.org`, password: 'quite a long password' },
        { anonymous: 'yes' },
      )
      const token = { authorization: `Bearer ${other.body.data.access_token}` }
      const theirs = await story.api('POST', path, { ...ask, temperature: 0.1 }, { ...key('taken'), ...token })
      expect(theirs.status).toBe(200)
    })

    it('gives a turn of a conversation once, and so the history', async () => {
      const app = await story.app()
      const send = (content: string, name: string) =>
        story.api(
          'POST',
          `/api/v1/chat/${app.id}/chat/completions`,
          { messages: [{ role: 'user', content }] },
          { ...key(name), 'x-session-id': 'careful' },
        )
      const [first, again] = await Promise.all([send('One', 'c1'), send('One', 'c1')])
      expect(first.headers.get('x-turn-id')).toBe(again.headers.get('x-turn-id'))
      await send('Two', 'c2')
      expect(story.upstream.requests.at(-1)!.body.messages).toHaveLength(3)
    })

    it('gives the answer again when its session takes no question any more', async () => {
      const made = await story.api('POST', '/api/v1/applications', { name: 'Brief', config: { model: 'gpt-sim' } })
      const send = () =>
        story.api(
          'POST',
          '/v1/chat/completions',
          { model: `app/${made.body.data.slug}`, messages: ask.messages },
          { ...key('brief'), 'x-session-id': 'brief' },
        )
      const first = await send()
      expect(first.status).toBe(200)
      const turn = await story.api('GET', `/api/v1/turns/${first.headers.get('x-turn-id')}`)
      await story.api('PUT', `/api/v1/chat/sessions/${turn.body.data.conversation_id}/archive`)
      expect((await send()).body).toEqual(first.body)
    })

    it('refuses a key that is none', async () => {
      expect((await story.api('POST', path, ask, key('x'.repeat(256)))).status).toBe(400)
    })
  })

for (const kind of databaseKinds)
  describe(`Idempotency-Key across a restart on ${kind}`, () => {
    let home: Awaited<ReturnType<typeof makeHome>>
    let upstream: Awaited<ReturnType<typeof startUpstream>>
    beforeAll(async () => {
      home = await makeHome(kind)
      upstream = await startUpstream()
      upstream.models = ['gpt-sim']
    })
    afterAll(async () => {
      await upstream.close()
      await home.remove()
    })

    it('replays the finished turn, whole and streamed', async () => {
      const send = async (body: object) => {
        const parley = await startParley({ home, upstreamUrl: upstream.url })
        const stream = await postSse(parley.url + path, { ...parley.headers, ...key('kept') }, body)
        const frames = await stream.all()
        const turnId = stream.headers.get('x-turn-id')
        await parley.close()
        return { turnId, text: chunkText(frames), done: frames.at(-1)?.data }
      }
      const first = await send({ ...ask, stream: true })
      const second = await send({ ...ask, stream: true })
      expect(second).toEqual(first)
      expect(first).toMatchObject({ text: 'You said: Hello', done: '[DONE]' })
      expect(upstream.requests).toHaveLength(1)
    })
  })
