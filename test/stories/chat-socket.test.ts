import { describe, expect, it } from 'vitest'
import WebSocket from 'ws'
import { type ChatClient, openChat } from '#test/support/chat-client.ts'
import { databaseKinds } from '#test/support/databases.ts'
import { useStory } from '#test/support/story.ts'
import { until } from '#test/support/until.ts'

const isType = (type: string) => (frame: { type: string }) => frame.type === type
const text = (client: ChatClient, turnId?: unknown) =>
  client.frames
    .filter((frame) => frame.type === 'text-delta' && (turnId === undefined || frame.turn_id === turnId))
    .map((frame) => frame.text)
    .join('')

for (const kind of databaseKinds)
  describe(`the chat socket on ${kind}`, () => {
    const story = useStory(kind)
    let sessions = 0
    const newSession = () => `session-${++sessions}`
    const open = (session: string) => openChat(story.parley, session)
    const startSession = async () => {
      const app = await story.app()
      const { body } = await story.api('POST', '/api/v1/chat/sessions', { application_id: app.id, title: '' })
      return body.data.id as string
    }

    it('says hello, and answers a chat with the documented frames', async () => {
      const app = await story.app()
      const session = newSession()
      const client = await open(session)
      expect(client.frames[0]).toEqual({
        type: 'connected',
        session_id: session,
        user_id: expect.any(String),
        timestamp: expect.stringMatching(/^\d{4}-.*Z$/),
      })
      client.send({ type: 'chat', content: 'Hello', application_id: app.id, timestamp: new Date().toISOString() })
      const end = await client.until(isType('response_end'))
      const start = client.frames.find(isType('response_start'))!
      expect(start).toMatchObject({ message_id: expect.any(String), timestamp: expect.any(String) })
      expect(end).toMatchObject({
        message_id: start.message_id,
        full_response: 'You said: Hello',
        tokens_used: expect.any(Number),
        response_time: expect.any(Number),
      })
      const deltas = client.frames.filter(isType('text-delta'))
      expect(deltas.map(({ index }) => index)).toEqual(deltas.map((_, index) => index))
      expect(text(client)).toBe('You said: Hello')
      client.close()
    })

    it('keeps the history of its session', async () => {
      const app = await story.app()
      const client = await open(newSession())
      client.send({ type: 'message', content: 'One', application_id: app.id })
      await client.until(isType('response_end'))
      client.send({ type: 'chat', content: 'Two', application_id: app.id })
      await client.until((frame) => frame.full_response === 'You said: Two')
      expect(story.upstream.requests.at(-1)!.body.messages).toHaveLength(3)
      client.close()
    })

    it('takes an empty id, which a client has that knows none yet, for none', async () => {
      const session = await startSession()
      const client = await open(session)
      client.send({ type: 'chat', content: 'Hello', application_id: '', chat_id: '' })
      const first = await client.until(({ type }) => type === 'response_start' || type === 'error')
      expect(first).toMatchObject({ type: 'response_start', chat_id: session })
      client.close()
    })

    it('answers a ping, and tells the others who types and who left', async () => {
      const session = newSession()
      const [one, two] = [await open(session), await open(session)]
      one.send({ type: 'ping' })
      expect(await one.until(isType('pong'))).toEqual({ type: 'pong', timestamp: expect.any(String) })
      one.send({ type: 'typing' })
      expect(await two.until(isType('typing'))).toMatchObject({ user_id: one.frames[0]!.user_id, session_id: session })
      expect(one.frames.some(isType('typing'))).toBe(false)
      one.close()
      expect(await two.until(isType('user_disconnected'))).toMatchObject({ session_id: session })
      two.close()
    })

    it('cancels what it is told to', async () => {
      const app = await story.app()
      const held = story.upstream.hold()
      held.send('Begun ')
      const client = await open(newSession())
      client.send({ type: 'chat', content: 'Hello', application_id: app.id })
      await client.until(isType('text-delta'))
      client.send({ type: 'cancel' })
      await held.aborted
      const end = await client.until(isType('response_end'))
      expect(end).toMatchObject({ full_response: 'Begun ', status: 'cancelled' })
      expect(await client.until(isType('cancel_result'))).toMatchObject({ outcome: 'applied' })
      client.close()
    })

    it('stops answering the message before when a new one comes', async () => {
      const app = await story.app()
      const held = story.upstream.hold()
      held.send('Old ')
      const client = await open(newSession())
      client.send({ type: 'chat', content: 'First', application_id: app.id })
      await client.until(isType('text-delta'))
      client.send({ type: 'chat', content: 'Second', application_id: app.id })
      await held.aborted
      await client.until((frame) => frame.full_response === 'You said: Second')
      const ends = client.frames.filter(isType('response_end'))
      expect(ends.map(({ status, full_response }) => [status, full_response])).toEqual([
        ['cancelled', 'Old '],
        ['completed', 'You said: Second'],
      ])
      client.close()
    })

    it('resumes after the last seq seen, from another connection', async () => {
      const app = await story.app()
      const held = story.upstream.hold()
      held.send('a', 'b')
      const first = await open(newSession())
      first.send({ type: 'chat', content: 'Hello', application_id: app.id })
      const seen = await first.until((frame) => frame.text === 'b')
      first.close()
      await first.closed
      const second = await open(newSession())
      second.send({ type: 'resume', turn_id: seen.turn_id, after: seen.seq })
      held.send('c')
      // Had the turn ended before anybody asked, the part would come in full.
      await second.until((frame) => frame.text === 'c')
      held.finish()
      const end = await second.until(isType('response_end'))
      expect(text(second)).toBe('c')
      expect(end.full_response).toBe('abc')
      second.send({ type: 'resume', turn_id: crypto.randomUUID() })
      expect(await second.until(isType('error'))).toMatchObject({ code: 'not_found', data: { code: 'not_found' } })
      second.close()
    })

    it('shows a turn to every socket in its session, whoever asked', async () => {
      const app = await story.app()
      const session = newSession()
      const [one, two] = [await open(session), await open(session)]
      one.send({ type: 'chat', content: 'For all', application_id: app.id })
      const end = await two.until(isType('response_end'))
      expect(text(two, end.turn_id)).toBe('You said: For all')
      const three = await open(session)
      two.send({ type: 'chat', content: 'And more', application_id: app.id })
      for (const client of [one, three]) {
        const more = await client.until((frame) => frame.full_response === 'You said: And more')
        expect(text(client, more.turn_id)).toBe('You said: And more')
      }
      for (const client of [one, two, three]) {
        expect(
          client.frames.filter((frame) => frame.type === 'response_end' && frame.turn_id === end.turn_id).length,
        ).toBe(client === three ? 0 : 1)
        client.close()
      }
    })

    it('shows turns that other doors start in its conversation, also to one that only listens', async () => {
      const session = await startSession()
      const client = await open(session)
      const answer = await story.api('POST', '/api/v1/chat/completions', { session_id: session, message: 'From REST' })
      const end = await client.until(isType('response_end'))
      expect(end).toMatchObject({ message_id: answer.headers.get('x-turn-id'), full_response: 'You said: From REST' })
      client.send({ type: 'chat', content: 'From the socket' })
      await client.until((frame) => frame.full_response === 'You said: From the socket')
      expect(story.upstream.requests.at(-1)!.body.messages).toHaveLength(3)
      client.close()
    })

    it('tells what is wrong with a frame, and stays open', async () => {
      const client = await open(newSession())
      client.socket.send('not json')
      expect(await client.until(isType('error'))).toMatchObject({
        code: 'invalid_request',
        message: expect.any(String),
      })
      client.send({ type: 'chat', content: 'No app' })
      await client.until((frame) => frame.field === 'application_id')
      client.send({ type: 'chat', content: '' })
      await client.until((frame) => frame.field === 'content')
      client.send({ type: 'ping' })
      await client.until(isType('pong'))
      client.close()
    })

    it('closes with 1008 "Invalid token" on a bad one', async () => {
      const socket = new WebSocket(`${story.parley.url.replace('http', 'ws')}/ws/chat/x?token=bad`)
      const [code, reason] = await new Promise<[number, string]>((resolve) =>
        socket.once('close', (closeCode, why) => resolve([closeCode, why.toString()])),
      )
      expect([code, reason]).toEqual([1008, 'Invalid token'])
    })

    it('opens an app to whoever has its access token, without another credential', async () => {
      const app = await story.app()
      const socket = new WebSocket(`${story.parley.url.replace('http', 'ws')}/ws/chat/${newSession()}`)
      const answer = new Promise<string>((resolve) =>
        socket.on('message', (data) => {
          const frame = JSON.parse(data.toString())
          if (frame.type === 'connected')
            socket.send(JSON.stringify({ type: 'chat', content: 'Public', application_id: app.access_token }))
          if (frame.type === 'response_end') resolve(frame.full_response)
        }),
      )
      expect(await answer).toBe('You said: Public')
      socket.close()
    })

    it('counts who is connected, for administrators', async () => {
      const session = newSession()
      const client = await open(session)
      const { body } = await story.api('GET', '/ws/stats')
      expect(body.details.sessions).toMatchObject({ [session]: 1 })
      expect(body.total_connections).toBeGreaterThan(0)
      expect(body.active_users).toBeGreaterThan(0)
      client.close()
    })

    it('is forgotten when it leaves while its turn begins', async () => {
      const app = await story.app()
      const client = await open('left-early')
      client.send({ type: 'chat', content: 'Going', application_id: app.id })
      client.close()
      await client.closed
      const read = (name: string, text: string) => Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1])
      const answer = await until(async () => {
        const figures = await fetch(`${story.parley.url}/metrics`, { headers: story.parley.headers })
        const text = await figures.text()
        const idle = read('parley_turns_running', text) + read('parley_sockets_open{door="chat-socket"}', text) === 0
        return idle && text
      })
      for (const of of ['sessions', 'conversations', 'shared'])
        expect(read(`parley_chat_socket_registry{of="${of}"}`, answer)).toBe(0)
    })

    it('is closed with 1001 when the server stops', async () => {
      const { startParley } = await import('#test/support/parley.ts')
      const other = await startParley({ kind, upstreamUrl: story.upstream.url })
      const client = await openChat(other, 'last')
      await other.close()
      expect(await client.closed).toBe(1001)
    })
  })
