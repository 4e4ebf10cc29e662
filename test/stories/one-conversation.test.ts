import { describe, expect, it } from 'vitest'
import { openChat } from '#test/support/chat-client.ts'
import { databaseKinds } from '#test/support/databases.ts'
import { encodings, openNodeTool } from '#test/support/nodetool-client.ts'
import { chunkText } from '#test/support/sse-client.ts'
import { useStory } from '#test/support/story.ts'

for (const kind of databaseKinds)
  describe(`one conversation, any door, on ${kind}`, () => {
    const story = useStory(kind)

    it.each(encodings)(
      'is begun over REST, watched over /ws/chat and /chat (%s) at once, steered from one, cancelled from the other, and is the same in all',
      async (encoding) => {
        const app = await story.app()
        const { body } = await story.api('POST', '/api/v1/chat/sessions', { application_id: app.id, title: 'Shared' })
        const sessionId = body.data.id as string
        const chat = await openChat(story.parley, sessionId)
        const nodetool = await openNodeTool(story.parley, { encoding })
        // Whoever speaks in a thread is in it from then on.
        await nodetool.ask({ content: 'Hello', thread_id: sessionId })
        await chat.until(({ type }) => type === 'response_end')

        const first = story.upstream.hold()
        const second = story.upstream.hold()
        first.send('One ', 'two ')
        const rest = await story.post(
          `/api/v1/chat/${app.id}/chat/completions`,
          { stream: true, messages: [{ role: 'user', content: 'Count' }] },
          { 'x-session-id': sessionId },
        )
        const turnId = rest.headers.get('x-turn-id')!
        expect(rest.headers.get('x-session-id')).toBe(sessionId)
        const seenBy = {
          rest: () => chunkText(rest.frames),
          chat: () =>
            chat.frames
              .filter(({ type, turn_id }) => type === 'text-delta' && turn_id === turnId)
              .map(({ text }) => text)
              .join(''),
          nodetool: () => nodetool.text(turnId),
        }
        const allSee = async (text: string) => {
          await rest.until(() => seenBy.rest() === text)
          await chat.until(() => seenBy.chat() === text)
          await nodetool.until(() => seenBy.nodetool() === text)
        }
        await allSee('One two ')

        chat.send({ type: 'steer', turn_id: turnId, content: 'In French, please' })
        await first.aborted
        const { body: asked } = await second.request
        expect((asked as { messages: { role: string; content: string }[] }).messages.slice(-3)).toMatchObject([
          { role: 'user', content: 'Count' },
          { role: 'assistant', content: 'One two ' },
          { role: 'user', content: 'In French, please' },
        ])
        second.send('un ', 'deux ')
        await allSee('One two un deux ')

        nodetool.send({ type: 'stop', thread_id: sessionId })
        await second.aborted
        await rest.untilGone()
        const isOfTurn = (frame: Record<string, unknown>) => frame.turn_id === turnId
        const chatEnd = await chat.until((frame) => frame.type === 'response_end' && isOfTurn(frame))
        const nodetoolEnd = await nodetool.until({ type: 'chunk', done: true, turn_id: turnId })
        await nodetool.until({ type: 'generation_stopped' })

        const { data: turn } = (await story.api('GET', `/api/v1/turns/${turnId}`)).body
        expect(turn).toMatchObject({
          id: turnId,
          status: 'cancelled',
          conversation_id: sessionId,
          application_id: app.id,
          text: 'One two un deux ',
        })
        expect(chatEnd).toMatchObject({ message_id: turnId, status: 'cancelled', full_response: turn.text })
        expect(nodetoolEnd).toMatchObject({ status: 'cancelled', thread_id: sessionId })
        for (const [door, text] of Object.entries(seenBy)) expect(text(), door).toBe(turn.text)
        expect(turn.usage.total_tokens).toBeGreaterThan(0)
        expect(chatEnd.usage).toMatchObject(turn.usage)
        expect(nodetoolEnd.usage).toMatchObject(turn.usage)
        expect(chatEnd.tokens_used).toBe(turn.usage.total_tokens)

        const history = (await story.api('GET', `/api/v1/chat/sessions/${sessionId}/messages`)).body.data
        expect(history.at(-1)).toMatchObject({ role: 'assistant', content: turn.text })
        // Whoever comes later reads the same, in each door's own way.
        const late = await story.read(`/api/v1/turns/${turnId}/events`)
        expect((await late.all()).at(-1)).toMatchObject({ event: 'turn-end' })
        const comes = await openNodeTool(story.parley, { encoding })
        comes.send({ type: 'resume', turn_id: turnId, after: 0 })
        await comes.until({ type: 'chunk', done: true, turn_id: turnId })
        expect(comes.text(turnId)).toBe(turn.text)
        await comes.close()
        await nodetool.close()
        chat.close()
      },
    )
  })
