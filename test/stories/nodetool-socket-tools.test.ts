import { describe, expect, it } from 'vitest'
import { databaseKinds } from '#test/support/databases.ts'
import { encodings, type NodeToolFrame, type NodeToolOptions, openNodeTool } from '#test/support/nodetool-client.ts'
import { useStory } from '#test/support/story.ts'

const closing = { type: 'chunk', done: true }
/** An answer, not the call of a tool. */
const isAnswer = { type: 'message', role: 'assistant', tool_calls: null }
const count = (frames: NodeToolFrame[], type: string) => frames.filter((frame) => frame.type === type).length

for (const kind of databaseKinds)
  describe.each(encodings)(`NodeTool's chat socket on ${kind} in %s`, (encoding) => {
    const story = useStory(kind)
    const open = (options: NodeToolOptions = {}) => openNodeTool(story.parley, { encoding, ...options })
    const asked = () => story.upstream.requests.at(-1)!.body as { model: string; messages: { content: unknown }[] }

    describe('tools of the client', () => {
      const manifest = {
        type: 'client_tools_manifest',
        tools: [{ name: 'ui_city', description: 'The city on the screen', parameters: { type: 'object' } }],
      }

      it('are offered, asked for, and their results are read', async () => {
        const client = await open()
        client.send(manifest)
        const held = story.upstream.hold()
        held.callTool({ name: 'ui_city', arguments: '{"zoom":3}' })
        held.finish({ finish: 'tool-calls' })
        client.send({ role: 'user', content: 'Where?', thread_id: `tools ${encoding}`, tools: ['ui_city'] })
        const call = await client.until({ type: 'tool_call' })
        expect(call).toMatchObject({ name: 'ui_city', args: { zoom: 3 }, thread_id: `tools ${encoding}` })
        const answer = { type: 'tool_result', tool_call_id: call.tool_call_id, result: { city: 'Oslo' }, ok: true }
        client.send(answer)
        const message = await client.until(isAnswer)
        expect(message.thread_id).toBe(`tools ${encoding}`)
        const [said, given] = client.frames.filter(({ type }) => type === 'message')
        expect(said).toMatchObject({
          role: 'assistant',
          tool_calls: [{ id: call.tool_call_id, name: 'ui_city', args: { zoom: 3 }, result: null }],
        })
        expect(given).toMatchObject({ role: 'tool', tool_call_id: call.tool_call_id, content: '{"city":"Oslo"}' })
        expect(count(client.frames, 'tool_result')).toBe(0)
        const sent = story.upstream.requests.at(-1)!.body as { tools: { function: object }[]; messages: object[] }
        expect(sent.tools[0]!.function).toMatchObject({ name: 'ui_city', description: 'The city on the screen' })
        expect(sent.messages.at(-1)).toMatchObject({ role: 'tool', content: '{"city":"Oslo"}' })
        // One that comes late says nothing.
        const before = client.frames.length
        client.send(answer)
        await client.settled()
        expect(client.frames.slice(before).map(({ type }) => type)).toEqual(['pong'])
        await client.close()
      })

      it('that fail are a failure that the model reads', async () => {
        const client = await open()
        client.send(manifest)
        const held = story.upstream.hold()
        held.callTool({ name: 'ui_city', arguments: '{}' })
        held.finish({ finish: 'tool-calls' })
        client.send({ role: 'user', content: 'Where?' })
        const call = await client.until({ type: 'tool_call' })
        client.send({ type: 'tool_result', tool_call_id: call.tool_call_id, result: null, ok: false, error: 'No map' })
        await client.until({ type: 'message', role: 'tool', content: '"No map"' })
        await client.until({ ...closing, status: 'completed' })
        expect(JSON.stringify(asked().messages)).toContain('No map')
        await client.close()
      })

      it('are asked of the client that has them, not of others in the thread', async () => {
        const thread_id = `shared ${encoding}`
        const [one, two] = [await open(), await open()]
        for (const client of [one, two]) await client.ask({ content: 'Hello', thread_id })
        one.send(manifest)
        const held = story.upstream.hold()
        held.callTool({ name: 'ui_city', arguments: '{}' })
        held.finish({ finish: 'tool-calls' })
        one.send({ role: 'user', content: 'Where?', thread_id })
        const call = await one.until({ type: 'tool_call' })
        const watched = await two.until((frame) => frame.type === 'message' && frame.tool_calls !== null)
        expect(watched.turn_id).toBe(call.turn_id)
        one.send({ type: 'tool_result', tool_call_id: call.tool_call_id, result: 'Oslo', ok: true })
        await two.until({ ...closing, turn_id: call.turn_id })
        expect(count(two.frames, 'tool_call')).toBe(0)
        await one.close()
        await two.close()
      })

      it('are asked again of a client that comes back', async () => {
        const first = await open()
        first.send(manifest)
        const held = story.upstream.hold()
        held.callTool({ name: 'ui_city', arguments: '{}' })
        held.finish({ finish: 'tool-calls' })
        first.send({ role: 'user', content: 'Where?' })
        const call = await first.until({ type: 'tool_call' })
        first.socket.terminate()
        await first.closed
        const second = await open()
        second.send({ type: 'resume', turn_id: call.turn_id, after: (call.seq as number) - 1 })
        const again = await second.until({ type: 'tool_call' })
        second.send({ type: 'tool_result', tool_call_id: again.tool_call_id, result: 'Oslo', ok: true })
        await second.until({ ...closing, status: 'completed' })
        await second.close()
      })
    })
  })
