import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  encodings,
  type NodeToolClient,
  type NodeToolFrame,
  openNodeTool,
  textOfFrames,
} from '#test/support/nodetool-client.ts'
import { startParley } from '#test/support/parley.ts'
import { type Strike, startUpstream, type Upstream } from '#test/support/upstream-simulator.ts'

const closing = { type: 'chunk', done: true }
const answer = { type: 'message', role: 'assistant', tool_calls: null }

describe.each(encodings)('NodeTool’s socket in %s', (encoding) => {
  let upstream: Upstream
  let parley: Awaited<ReturnType<typeof startParley>>
  beforeAll(async () => {
    upstream = await startUpstream()
    upstream.models = ['gpt-sim']
    parley = await startParley({ upstreamUrl: upstream.url })
  })
  afterAll(async () => {
    await parley.close()
    await upstream.close()
  })
  const open = () => openNodeTool(parley, { encoding })
  const drop = async (client: NodeToolClient) => {
    client.socket.terminate()
    await client.closed
  }

  it('loses and repeats nothing for a client that is cut off after every word', async () => {
    const words = ['The ', 'quick ', 'bröwn ', '狐 ', '🦊 ', 'jumps.']
    const held = upstream.hold()
    let client = await open()
    client.send({ role: 'user', content: 'Tell me' })
    const seen: NodeToolFrame[] = []
    for (const content of words) {
      held.send(content)
      await client.until({ content })
      seen.push(...client.frames)
      await drop(client)
      const { turn_id, seq: after } = seen.at(-1)!
      client = await open()
      client.send({ type: 'resume', turn_id, after })
      await client.settled()
    }
    held.finish()
    const message = await client.until(answer)
    seen.push(...client.frames)
    const chunks = seen.filter(({ type, done }) => type === 'chunk' && !done)
    expect(chunks.map(({ content }) => content)).toEqual(['', ...words])
    expect(message.content).toBe(words.join(''))
    expect(seen.filter(({ done }) => done)).toHaveLength(1)
    await client.close()
  })

  it('shows the same answer from every place it can be taken up at, while it runs and after', async () => {
    const client = await open()
    client.send({ type: 'client_tools_manifest', tools: [{ name: 'ui_city' }] })
    const asking = upstream.hold()
    asking.reason('Where are we? ')
    asking.send('Let me ', 'see.')
    asking.callTool({ name: 'ui_city', arguments: '{}' })
    asking.finish({ finish: 'tool-calls' })
    client.send({ role: 'user', content: 'Where?' })
    const call = await client.until({ type: 'tool_call' })
    const answering = upstream.hold()
    client.send({ type: 'tool_result', tool_call_id: call.tool_call_id, result: 'Oslo', ok: true })
    answering.send(' In ', 'Oslo.')
    await client.until({ content: 'Oslo.' })
    const before = [...client.frames]
    const { turn_id } = call

    const full = 'Let me see. In Oslo.'
    /** Takes the turn up after this frame; resolves when all of the text is there, and at its end if it has one. */
    const takenUp = async (from: number, ended: boolean) => {
      const seen = before.slice(0, from + 1)
      const late = await open()
      late.send({ type: 'resume', turn_id, after: before[from]!.seq })
      if (ended) await late.until(answer)
      else while (textOfFrames([...seen, ...late.frames]).length < full.length) await late.settled()
      expect(textOfFrames([...seen, ...late.frames]), `after frame ${from}`).toBe(full)
      const told = [...seen, ...late.frames].flatMap(({ type, id, tool_call_id }) =>
        type === 'message' || type === 'tool_call' ? [`${type} ${id ?? tool_call_id}`] : [],
      )
      await late.close()
      return told
    }
    const calls = ['message', 'tool_call', 'message']
    for (const from of before.keys()) {
      const told = await takenUp(from, false)
      expect([...new Set(told)].map((one) => one.split(' ')[0])).toEqual(calls)
    }
    answering.finish()
    await client.until(answer)
    for (const from of before.keys()) {
      const told = await takenUp(from, true)
      expect([...new Set(told)].map((one) => one.split(' ')[0])).toEqual([...calls, 'message'])
      // Who is cut off between two frames of one event is told the first again; nothing else comes twice.
      const isSplit = before[from]!.type === 'message' && before[from]!.role === 'assistant'
      expect(told.length - new Set(told).size, `after frame ${from}`).toBe(isSplit ? 1 : 0)
    }
    await client.close()
  })

  const strikes: Strike[] = [{ kind: 'reset' }, { kind: 'cut' }]
  it.each(strikes)('ends once when its upstream fails in mid-answer with $kind', async (strike) => {
    const held = upstream.hold()
    held.send('Half ')
    const client = await open()
    client.send({ role: 'user', content: 'Hello' })
    await client.until({ content: 'Half ' })
    held.strike(strike)
    const closed = await client.until(closing)
    const message = await client.until(answer)
    await client.settled()
    expect(client.types().slice(-4)).toEqual(['error', 'chunk', 'message', 'pong'])
    expect(client.frames.filter(({ type }) => type === 'error')).toMatchObject([{ turn_id: closed.turn_id }])
    expect(client.frames.filter(({ done }) => done)).toHaveLength(1)
    expect(message.content).toMatch(/^Half \n\n./)
    // It is the same to who comes later.
    const late = await open()
    late.send({ type: 'resume', turn_id: closed.turn_id })
    const { created_at: _, ...same } = message
    expect(await late.until(answer)).toMatchObject(same)
    expect(late.types().slice(-3)).toEqual(['error', 'chunk', 'message'])
    await late.close()
    await client.close()
  })

  it('says so, once, when its upstream cannot be asked at all', async () => {
    upstream.script({ strike: { kind: 'status', status: 401 } })
    const client = await open()
    client.send({ role: 'user', content: 'Hello' })
    await client.until(answer)
    await client.settled()
    expect(client.types()).toEqual(['chunk', 'error', 'chunk', 'message', 'pong'])
    expect(client.frames[1]).toMatchObject({ code: 'upstream-auth', error_type: 'http_status_error', status_code: 502 })
    await client.close()
  })
})
