import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openChat } from '#test/support/chat-client.ts'
import { databaseKinds } from '#test/support/databases.ts'
import { makeApp } from '#test/support/doors.ts'
import { wrongInBooks } from '#test/support/ledger.ts'
import { type Home, makeHome, startParley } from '#test/support/parley.ts'
import { chunkText, postSse } from '#test/support/sse-client.ts'
import { startUpstream, type Upstream } from '#test/support/upstream-simulator.ts'

for (const kind of databaseKinds)
  describe(`commands that come twice, late or through another door, on ${kind}`, () => {
    let upstream: Upstream
    let home: Home
    let parley: Awaited<ReturnType<typeof startParley>>
    let appId: string

    beforeAll(async () => {
      upstream = await startUpstream()
      upstream.models = ['gpt-sim']
      home = await makeHome(kind)
      parley = await startParley({ home, upstreamUrl: upstream.url })
      appId = await makeApp(parley, 'gpt-sim')
    })
    afterAll(async () => {
      await parley.close()
      expect(await wrongInBooks(home, { told: true })).toEqual([])
      await home.remove()
      await upstream.close()
    })

    const body = { model: 'gpt-sim', stream: true, messages: [{ role: 'user', content: 'Talk' }] }
    const look = async (id: string) => {
      const answer = await fetch(`${parley.url}/api/v1/turns/${id}`, { headers: parley.headers })
      return ((await answer.json()) as { data: { status: string; text: string; usage: { estimated: boolean } } }).data
    }

    async function command(id: string, given: object): Promise<string> {
      const answer = await fetch(`${parley.url}/api/v1/turns/${id}/commands`, {
        method: 'POST',
        headers: parley.headers,
        body: JSON.stringify(given),
      })
      return ((await answer.json()) as { data: { outcome: string } }).data.outcome
    }

    /** A /v1 stream that has said its first word. */
    async function talking() {
      const reply = upstream.hold()
      const asked = postSse(`${parley.url}/v1/chat/completions`, parley.headers, body)
      reply.send('Blah ')
      const stream = await asked
      await stream.until(({ data }) => data.includes('Blah '))
      return { reply, stream, id: stream.headers.get('x-turn-id')! }
    }

    it('two cancels at once: one is applied, the turn ends once', async () => {
      const { reply, stream, id } = await talking()
      const outcomes = await Promise.all(Array.from({ length: 5 }, () => command(id, { type: 'cancel' })))
      expect(outcomes.filter((outcome) => outcome === 'applied')).toHaveLength(1)
      await reply.aborted
      const frames = await stream.all()
      expect(frames.filter(({ data }) => data.startsWith('{"error"'))).toHaveLength(1)
      expect(await look(id)).toMatchObject({ status: 'cancelled', text: 'Blah ', usage: { estimated: true } })
    })

    it('a /v1 stream that REST cancels ends with an error object, and nothing says stop', async () => {
      const { stream, id } = await talking()
      expect(await command(id, { type: 'cancel', reason: 'enough' })).toBe('applied')
      const frames = await stream.all()
      expect(chunkText(frames.slice(0, -1))).toBe('Blah ')
      expect(JSON.parse(frames.at(-1)!.data)).toMatchObject({ error: { code: 'cancelled' } })
      expect(frames.filter(({ data }) => data === '[DONE]' || /"finish_reason":"/.test(data))).toEqual([])
    })

    it('a whole answer that is cancelled from the chat socket', async () => {
      const reply = upstream.hold()
      const asked = fetch(`${parley.url}/api/v1/chat/${appId}/chat/completions`, {
        method: 'POST',
        headers: { ...parley.headers, 'x-session-id': `whole ${kind}` },
        body: JSON.stringify({ ...body, stream: false }),
      })
      await reply.request
      const listed = (await (
        await fetch(`${parley.url}/api/v1/chat/sessions?application_id=${appId}`, { headers: parley.headers })
      ).json()) as { data: { id: string }[] }
      const messages = (await (
        await fetch(`${parley.url}/api/v1/chat/sessions/${listed.data[0]!.id}/messages`, { headers: parley.headers })
      ).json()) as { data: Record<string, unknown>[] }
      const id = /[0-9a-f]{8}-[0-9a-f-]{27}/.exec(JSON.stringify(messages.data.at(-1)))![0]
      const chat = await openChat(parley, 'canceller')
      chat.send({ type: 'cancel', turn_id: id })
      expect(await chat.until(({ type }) => type === 'cancel_result')).toMatchObject({ outcome: 'applied' })
      const answer = await asked
      expect(answer.status).toBe(499)
      expect(await answer.json()).toMatchObject({ data: null, status: 'error' })
      chat.close()
    })

    it('cancel and steer after the end change nothing', async () => {
      const { reply, stream, id } = await talking()
      reply.finish()
      await stream.until(({ data }) => data === '[DONE]')
      expect(await command(id, { type: 'cancel' })).toBe('ended')
      expect(await command(id, { type: 'steer', text: 'And now?' })).toBe('ended')
      expect(await look(id)).toMatchObject({ status: 'completed', text: 'Blah ', usage: { estimated: false } })
      const asked = upstream.requests.length
      const chat = await openChat(parley, 'late')
      chat.send({ type: 'cancel', turn_id: id })
      expect(await chat.until(({ type }) => type === 'cancel_result')).toMatchObject({ outcome: 'ended' })
      chat.send({ type: 'steer', turn_id: id, content: 'And now?' })
      expect(await chat.until(({ type }) => type === 'command_result')).toMatchObject({ outcome: 'ended' })
      chat.close()
      expect(upstream.requests).toHaveLength(asked)
    })

    it('a steer that comes while a cancel takes effect is not applied', async () => {
      const { reply, id, stream } = await talking()
      const outcomes = await Promise.all([
        command(id, { type: 'cancel' }),
        command(id, { type: 'steer', text: 'No, go on' }),
      ])
      await reply.aborted
      await stream.all()
      const { status } = await look(id)
      // Whichever came first: a cancelled turn stays cancelled.
      expect(outcomes[0]).toBe('applied')
      expect(status).toBe('cancelled')
    })

    it('a command for a turn that is nobody’s is refused', async () => {
      const answer = await fetch(`${parley.url}/api/v1/turns/01900000-0000-7000-8000-000000000000/commands`, {
        method: 'POST',
        headers: parley.headers,
        body: JSON.stringify({ type: 'cancel' }),
      })
      expect(answer.status).toBe(404)
    })
  })
