import { describe, expect, it } from 'vitest'
import { databaseKinds } from '#test/support/databases.ts'
import { encodings, type NodeToolFrame, type NodeToolOptions, openNodeTool } from '#test/support/nodetool-client.ts'
import { useStory } from '#test/support/story.ts'

const isStopped = { type: 'generation_stopped' }
const closing = { type: 'chunk', done: true }
const count = (frames: NodeToolFrame[], type: string) => frames.filter((frame) => frame.type === type).length

for (const kind of databaseKinds)
  describe.each(encodings)(`NodeTool's chat socket on ${kind} in %s`, (encoding) => {
    const story = useStory(kind)
    const open = (options: NodeToolOptions = {}) => openNodeTool(story.parley, { encoding, ...options })
    const asked = () => story.upstream.requests.at(-1)!.body as { model: string; messages: { content: unknown }[] }

    describe('a message', () => {
      it('is answered in chunks, then a closing one, then the whole message', async () => {
        const client = await open()
        const message = await client.ask({ content: 'Hello', model: 'gpt-sim' })
        expect(client.text()).toBe('You said: Hello')
        expect(message).toMatchObject({
          type: 'message',
          role: 'assistant',
          content: 'You said: Hello',
          model: 'gpt-sim',
          provider: 'openai',
          tool_calls: null,
          created_at: expect.stringMatching(/^\d{4}-.*Z$/),
        })
        expect(client.types()).toEqual([
          ...client
            .types()
            .slice(0, -1)
            .map(() => 'chunk'),
          'message',
        ])
        for (const frame of client.frames) {
          expect(frame).toMatchObject({ thread_id: message.thread_id, turn_id: message.turn_id })
          if (frame.type === 'chunk')
            expect(frame).toMatchObject({ node_id: null, workflow_id: null, content_type: 'text', thinking: false })
        }
        const seqs = client.frames.map(({ seq }) => seq as number)
        expect(seqs).toEqual([...seqs].sort((a, b) => a - b))
        expect(client.encodings.every((one) => one === encoding)).toBe(true)
        await client.close()
      })

      it('without a model goes to the server’s default, in a thread that is made for it', async () => {
        const client = await open()
        const { thread_id } = await client.ask({ content: 'One' })
        expect(asked().model).toBe('gpt-sim')
        const second = await client.ask({ content: 'Two', thread_id })
        expect(second.thread_id).toBe(thread_id)
        expect(asked().messages).toHaveLength(3)
        const other = await client.ask({ content: 'Three' })
        expect(other.thread_id).not.toBe(thread_id)
        expect(asked().messages).toHaveLength(1)
        await client.close()
      })

      it('goes on in a thread that the client named, also on another connection', async () => {
        const one = await open()
        expect((await one.ask({ content: 'One', thread_id: `mine ${encoding}` })).thread_id).toBe(`mine ${encoding}`)
        await one.close()
        const two = await open()
        await two.ask({ content: 'Two', thread_id: `mine ${encoding}` })
        expect(asked().messages).toHaveLength(3)
        await two.close()
      })

      it('in a thread of an app is answered by that app', async () => {
        const app = await story.api('POST', '/api/v1/applications', {
          name: `App ${encoding}`,
          model: 'gpt-sim',
          system_prompt: 'Be brief.',
        })
        const session = await story.api('POST', '/api/v1/chat/sessions', {
          application_id: app.body.data.id,
          title: '',
        })
        const client = await open()
        await client.ask({ content: 'Hello', thread_id: session.body.data.id })
        expect(asked().messages[0]).toMatchObject({ role: 'system', content: 'Be brief.' })
        const named = await client.ask({ content: 'Hello', workflow_id: app.body.data.slug ?? app.body.data.id })
        expect(asked().messages[0]).toMatchObject({ role: 'system', content: 'Be brief.' })
        expect(named.workflow_id).toBe(app.body.data.slug ?? app.body.data.id)
        await client.close()
      })

      it('shows what the model thinks as thinking', async () => {
        const held = story.upstream.hold()
        held.reason('Hm. ')
        held.send('Yes.')
        held.finish()
        const client = await open()
        const message = await client.ask({ content: 'Well?' })
        expect(client.frames.filter(({ thinking }) => thinking).map(({ content }) => content)).toEqual(['Hm. '])
        expect(message.content).toBe('Yes.')
        await client.close()
      })

      it('may have an image, inline or by address', async () => {
        const client = await open()
        const data = Buffer.from('89504e470d0a1a0a00', 'hex')
        const given = encoding === 'binary' ? new Uint8Array(data) : data.toString('base64')
        await client.ask({
          content: [
            { type: 'text', text: 'What are these?' },
            { type: 'image_url', image: { type: 'image', uri: '', data: given } },
            { type: 'image_url', image: { type: 'image', uri: 'https://example.org/a.png' } },
          ],
        })
        expect(asked().messages.at(-1)!.content).toEqual([
          { type: 'text', text: 'What are these?' },
          { type: 'image_url', image_url: { url: `data:image/png;base64,${data.toString('base64')}` } },
          { type: 'image_url', image_url: { url: 'https://example.org/a.png' } },
        ])
        await client.close()
      })

      it.each<[string, object, NodeToolFrame]>([
        [
          'a model that is not here',
          { model: 'gpt-oss:20b', provider: 'nobody' },
          { field: 'model', code: 'not-found' },
        ],
        ['a workflow that is not here', { workflow_id: 'nowhere' }, { field: 'workflow_id', code: 'not-found' }],
        ['a tool that is not here', { tools: ['web_search'] }, { field: 'tools[0]', code: 'not-found' }],
        ['the agent’s mode', { agent_mode: true }, { field: 'agent_mode', code: 'unsupported' }],
        ['the helper’s mode', { help_mode: true }, { field: 'help_mode', code: 'unsupported' }],
        ['collections', { collections: ['docs'] }, { field: 'collections', code: 'unsupported' }],
        ['an asset of NodeTool’s own', assetMessage, { field: 'content[0].image.uri', code: 'unsupported' }],
      ])('with %s ends as an answer ends, saying why', async (_, more, error) => {
        const client = await open()
        client.send({ role: 'user', content: 'Hello', model: 'gpt-sim', thread_id: 'refused', ...more })
        await client.settled()
        const told = client.frames[0]!
        expect(told).toMatchObject({ type: 'error', thread_id: 'refused', error_type: 'http_status_error', ...error })
        expect(told.status_code).toBe(error.code === 'not-found' ? 404 : 400)
        expect(client.frames[1]).toMatchObject({ ...closing, thread_id: 'refused' })
        const isWorkflow = 'workflow_id' in more
        expect(client.types()).toEqual(['error', 'chunk', ...(isWorkflow ? [] : ['message']), 'pong'])
        if (!isWorkflow) expect(client.frames[2]).toMatchObject({ role: 'assistant', content: told.message })
        expect((await client.ask({ content: 'Still there?' })).content).toBe('You said: Still there?')
        await client.close()
      })

      it('that names a workflow is refused as long as none can be run', async () => {
        const made = await story.api('POST', '/api/v1/applications', { name: `Flow ${encoding}`, type: 'workflow' })
        expect(made.status).toBeLessThan(300)
        const client = await open()
        client.send({ role: 'user', content: 'Go', workflow_id: made.body.data.id })
        await client.settled()
        expect(client.types()).toEqual(['error', 'chunk', 'pong'])
        expect(client.frames[0]).toMatchObject({ code: 'unsupported', workflow_id: made.body.data.id })
        expect(client.frames[0]!.message).toMatch(/^Error processing workflow: /)
        await client.close()
      })
    })

    describe('an answer', () => {
      it('is cut short by the next message, which reads what it had said', async () => {
        const held = story.upstream.hold()
        held.send('Old ')
        const client = await open()
        client.send({ role: 'user', content: 'First', thread_id: `cut ${encoding}` })
        const begun = await client.until({ content: 'Old ' })
        client.send({ role: 'user', content: 'Second', thread_id: `cut ${encoding}` })
        await held.aborted
        await client.until({ type: 'message', content: 'You said: Second' })
        const ended = client.frames.filter(({ turn_id, done }) => turn_id === begun.turn_id && done)
        expect(ended).toMatchObject([{ status: 'cancelled' }])
        const types = client.types()
        expect(types.indexOf('generation_stopped')).toBeLessThan(types.indexOf('message'))
        // All of the first comes before anything of the second.
        const turns = [...new Set(client.frames.map(({ turn_id }) => turn_id))]
        expect(turns).toHaveLength(2)
        expect(client.frames.findLastIndex(({ turn_id }) => turn_id === turns[0])).toBeLessThan(
          client.frames.findIndex(({ turn_id }) => turn_id === turns[1]),
        )
        expect(asked().messages.map(({ content }) => content)).toEqual(['First', 'Old ', 'Second'])
        await client.close()
      })

      it('is stopped, and that is said once', async () => {
        const held = story.upstream.hold()
        held.send('Begun ')
        const client = await open()
        client.send({ role: 'user', content: 'Hello' })
        const begun = await client.until({ content: 'Begun ' })
        client.send({ type: 'stop' })
        await held.aborted
        const stopped = await client.until(isStopped)
        await client.settled()
        expect(stopped).toMatchObject({ message: 'Generation stopped by user', turn_id: begun.turn_id })
        expect(count(client.frames, 'generation_stopped')).toBe(1)
        // Nothing of the answer follows that could be taken for the next one's.
        expect(client.types().slice(-3)).toEqual(['chunk', 'generation_stopped', 'pong'])
        expect(client.frames.at(-3)).toMatchObject({ done: true, status: 'cancelled', thread_id: begun.thread_id })
        await client.close()
      })

      it('that there is none of is stopped too', async () => {
        const client = await open()
        client.send({ type: 'stop' })
        await client.settled()
        expect(client.frames[0]).toEqual({
          type: 'generation_stopped',
          message: 'Generation stopped by user',
          thread_id: null,
        })
        await client.ask({ content: 'Hello' })
        client.send({ type: 'stop' })
        await client.settled()
        expect(count(client.frames, 'generation_stopped')).toBe(2)
        await client.close()
      })

      it('can be steered', async () => {
        const held = story.upstream.hold()
        held.send('Slowly ')
        const client = await open()
        client.send({ role: 'user', content: 'Hello' })
        const begun = await client.until({ content: 'Slowly ' })
        client.send({ type: 'steer', content: 'Faster' })
        expect(await client.until({ type: 'command_result' })).toMatchObject({
          turn_id: begun.turn_id,
          outcome: 'applied',
        })
        const message = await client.until({ type: 'message' })
        expect(message.content).toBe('Slowly You said: Faster')
        client.send({ type: 'steer', content: 'Too late' })
        await client.until({ type: 'command_result', outcome: 'ended' })
        await client.close()
      })

      it('goes on without its client, and is taken up where it was lost', async () => {
        const held = story.upstream.hold()
        held.send('a', 'b')
        const first = await open()
        first.send({ role: 'user', content: 'Hello', thread_id: `lost ${encoding}` })
        const seen = await first.until({ content: 'b' })
        first.socket.terminate()
        await first.closed
        const second = await open()
        second.send({ type: 'resume', turn_id: seen.turn_id, after: seen.seq })
        held.send('c')
        // Had the turn ended before anybody asked, the part would come in full.
        await second.until({ content: 'c' })
        held.finish()
        const message = await second.until({ type: 'message' })
        expect(first.text() + second.text()).toBe('abc')
        expect(message).toMatchObject({ content: 'abc', thread_id: `lost ${encoding}` })
        // All over again, and from beyond the end.
        const from = second.frames.length
        second.send({ type: 'resume', turn_id: seen.turn_id })
        await second.until({ type: 'message' }, from)
        expect(second.text()).toBe('cabc')
        const after = second.frames.length
        second.send({ type: 'resume', turn_id: seen.turn_id, after: 1_000 })
        await second.until({ type: 'message' }, after)
        expect(second.frames.slice(after).map(({ type }) => type)).toEqual(['chunk_reset', 'chunk', 'message'])
        expect(second.frames[after]).toMatchObject({ content: 'abc', content_type: 'text', thinking: false, part: 0 })
        await second.close()
      })

      it('of another door in the same thread is shown too', async () => {
        const app = await story.app()
        const session = await story.api('POST', '/api/v1/chat/sessions', { application_id: app.id, title: '' })
        const thread_id = session.body.data.id
        const [one, two] = [await open(), await open()]
        for (const client of [one, two]) await client.ask({ content: 'Hello', thread_id })
        const answer = await story.api('POST', '/api/v1/chat/completions', {
          session_id: thread_id,
          message: 'By REST',
        })
        const turn_id = answer.headers.get('x-turn-id')
        for (const client of [one, two])
          expect(await client.until({ type: 'message', turn_id })).toMatchObject({
            content: 'You said: By REST',
            thread_id,
          })
        const ofTurn = (frames: NodeToolFrame[]) => frames.filter((frame) => frame.turn_id === turn_id)
        expect(ofTurn(one.frames)).toEqual(ofTurn(two.frames))
        await one.close()
        await two.close()
      })

      it('that fails ends with the error once, the closing chunk once and what was said', async () => {
        const held = story.upstream.hold()
        held.send('Half ')
        held.strike({ kind: 'reset' })
        const client = await open()
        const message = await client.ask({ content: 'Hello', thread_id: `fails ${encoding}` })
        const after = client.frames.slice(client.frames.findIndex(({ content }) => content === 'Half ') + 1)
        expect(after.map(({ type }) => type)).toEqual(['error', 'chunk', 'message'])
        expect(after[0]).toMatchObject({
          message: expect.any(String),
          error_type: expect.stringMatching(/^(connection_error|http_status_error)$/),
          thread_id: `fails ${encoding}`,
        })
        expect(after[1]).toMatchObject({ done: true, status: 'failed' })
        expect(message.content).toBe(`Half \n\n${after[0]!.message}`)
        await client.close()
      })
    })
  })

const assetMessage = { content: [{ type: 'image_url', image: { type: 'image', uri: 'asset://a1' } }] }
