import { connect } from 'node:net'
import { describe, expect, it } from 'vitest'
import { databaseKinds } from '#test/support/databases.ts'
import type { SseFrame } from '#test/support/sse-client.ts'
import { useStory } from '#test/support/story.ts'

const ask = { model: 'gpt-sim', messages: [{ role: 'user', content: 'Hello' }] }
const streamed = { ...ask, stream: true }
const seqs = (frames: readonly SseFrame[]) => frames.map(({ id }) => Number(id))
const toThe = (last: number, from = 1) => Array.from({ length: last - from + 1 }, (_, index) => from + index)
const texts = (frames: readonly SseFrame[]) =>
  frames
    .filter(({ event }) => event === 'text-delta')
    .map(({ data }) => JSON.parse(data).event.text)
    .join('')

for (const kind of databaseKinds)
  describe(`turns, from any door, on ${kind}`, () => {
    const story = useStory(kind)
    const events = (id: string, after?: number) =>
      story.read(`/api/v1/turns/${id}/events`, after === undefined ? {} : { 'last-event-id': String(after) })

    it('can be looked at while they run and when they have ended', async () => {
      const held = story.upstream.hold()
      held.send('One ')
      const stream = await story.post('/v1/chat/completions', streamed, { 'x-session-id': 'look' })
      const id = stream.headers.get('x-turn-id')!
      await stream.until(({ data }) => data.includes('One '))
      const running = await story.api('GET', `/api/v1/turns/${id}`)
      expect(running.body.data).toMatchObject({ id, status: 'running', text: 'One ', ended_at: null })
      held.send('two')
      held.finish({ usage: { input: 3, output: 2 } })
      await stream.all()
      const ended = await story.api('GET', `/api/v1/turns/${id}`)
      expect(ended.body.data).toMatchObject({
        id,
        status: 'completed',
        text: 'One two',
        conversation_id: stream.headers.get('x-session-id'),
        usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5, estimated: false },
      })
      expect(Date.parse(ended.body.data.ended_at)).toBeGreaterThanOrEqual(Date.parse(ended.body.data.created_at))
      expect((await story.api('GET', `/api/v1/turns/${crypto.randomUUID()}`)).status).toBe(404)
      expect((await story.api('GET', '/api/v1/turns/nonsense')).status).toBe(400)
    })

    it('are resumed at every seq without a gap or a repeat, while they run', async () => {
      const held = story.upstream.hold()
      held.send('a', 'b', 'c')
      const stream = await story.post('/v1/chat/completions', streamed)
      const id = stream.headers.get('x-turn-id')!
      const whole = await events(id)
      await whole.until(({ data }) => data.includes('"text":"c"'))
      const seen = seqs(whole.frames)
      expect(seen).toEqual(toThe(seen.length))
      const resumed = await Promise.all(toThe(seen.length).map((seq) => events(id, seq)))
      held.send('d', 'e')
      held.finish()
      const all = await whole.all()
      const last = all.length
      expect(seqs(all)).toEqual(toThe(last))
      expect(texts(all)).toBe('abcde')
      for (const [index, reader] of resumed.entries()) {
        const rest = await reader.all()
        expect(seqs(rest)).toEqual(toThe(last, index + 2))
        expect(rest.map(({ data }) => data)).toEqual(all.slice(index + 1).map(({ data }) => data))
      }
      await stream.all()
    })

    it('are resumed at every seq when they have ended: what is shown becomes the same', async () => {
      const stream = await story.post('/v1/chat/completions', streamed)
      const id = stream.headers.get('x-turn-id')!
      const live = await (await events(id)).all()
      await stream.all()
      const last = seqs(live).at(-1)!
      for (const seq of [0, ...toThe(last)]) {
        const rest = await (await events(id, seq)).all()
        const numbers = seqs(rest)
        expect(numbers.every((number) => number > seq)).toBe(true)
        expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b))
        const shown = rest.reduce(
          (text, { event, data }) => {
            if (event === 'part-reset') return JSON.parse(data).event.text as string
            return event === 'text-delta' ? text + JSON.parse(data).event.text : text
          },
          texts(live.filter(({ id: number }) => Number(number) <= seq)),
        )
        expect(shown).toBe('You said: Hello')
        if (seq < last) expect(rest.at(-1)!.event).toBe('turn-end')
        else expect(rest).toEqual([])
      }
      expect((await (await events(id, 1)).all()).length).toBeGreaterThan(0)
      expect((await story.read(`/api/v1/turns/${id}/events?after=${last}`)).status).toBe(200)
    })

    it('answer HEAD with no byte behind the head, so that the connection stays usable', async () => {
      const stream = await story.post('/v1/chat/completions', streamed)
      await stream.all()
      const { hostname, port } = new URL(story.parley.url)
      const socket = connect(Number(port), hostname)
      const { authorization } = story.parley.headers
      socket.write(
        `HEAD /api/v1/turns/${stream.headers.get('x-turn-id')}/events HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: ${authorization}\r\n\r\n`,
      )
      const answer = (await Array.fromAsync(socket)).join('')
      expect(answer).toMatch(/^HTTP\/1\.1 200 /)
      expect(answer.split('\r\n\r\n').slice(1).join('')).toBe('')
    })

    it('are cancelled by a command, once', async () => {
      const held = story.upstream.hold()
      held.send('Begun ')
      const stream = await story.post('/v1/chat/completions', streamed)
      const id = stream.headers.get('x-turn-id')!
      await stream.until(({ data }) => data.includes('Begun '))
      const cancel = () => story.api('POST', `/api/v1/turns/${id}/commands`, { type: 'cancel' })
      expect((await cancel()).body.data).toEqual({ turn_id: id, outcome: 'applied' })
      await held.aborted
      const frames = await stream.all()
      expect(JSON.parse(frames.at(-1)!.data)).toMatchObject({ error: { code: 'cancelled' } })
      expect((await cancel()).body.data.outcome).toBe('ended')
      expect((await story.api('GET', `/api/v1/turns/${id}`)).body.data.status).toBe('cancelled')
    })

    it('are steered by a command: the model is cut short and then reads what was said', async () => {
      const held = story.upstream.hold()
      held.send('Wrong ')
      const stream = await story.post('/v1/chat/completions', streamed)
      const id = stream.headers.get('x-turn-id')!
      await stream.until(({ data }) => data.includes('Wrong '))
      const steered = await story.api('POST', `/api/v1/turns/${id}/commands`, { type: 'steer', text: 'In French' })
      expect(steered.body.data.outcome).toBe('applied')
      const frames = await stream.all()
      expect(frames.map(({ data }) => data).join('')).toContain('French')
      expect(frames.at(-1)!.data).toBe('[DONE]')
      const sent = story.upstream.requests.at(-1)!.body.messages as { role: string; content: string }[]
      expect(sent.map(({ content }) => content)).toEqual(['Hello', 'Wrong ', 'In French'])
    })

    it('say so when they do not wait for what they are given', async () => {
      const held = story.upstream.hold()
      held.send('x')
      const stream = await story.post('/v1/chat/completions', streamed)
      const id = stream.headers.get('x-turn-id')!
      const give = (body: object) => story.api('POST', `/api/v1/turns/${id}/commands`, body)
      expect((await give({ type: 'tool-result', call_id: 'nobody', result: 1 })).body.data.outcome).toBe('ignored')
      expect((await give({ type: 'approval', request_id: 'nobody', approved: true })).body.data.outcome).toBe('ignored')
      expect((await give({ type: 'steer' })).status).toBe(400)
      expect((await give({ type: 'dance' })).status).toBe(422)
      held.finish()
      await stream.all()
    })
  })
