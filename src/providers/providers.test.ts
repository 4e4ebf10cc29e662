import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { startUpstream, type Upstream, type Vendor } from '#test/support/upstream-simulator.ts'
import { callOf, collect, joined, merged, type TestIo, testIo } from './call-for-test.ts'
import { providers } from './index.ts'
import type { ModelCall, ModelPart } from './spec.ts'

let sim: Upstream
let io: TestIo

beforeEach(async () => {
  sim = await startUpstream()
  io = testIo()
})

afterEach(async () => {
  io.http.close()
  await sim.close()
})

const vendors = Object.keys(providers).filter((kind) => kind !== 'builtin') as Vendor[]

describe.each(vendors)('%s', (vendor) => {
  const provider = providers[vendor]!

  function call(fields: Partial<ModelCall> = {}): ModelCall {
    return callOf(sim.endpoint(vendor), fields)
  }

  test.each([false, true])('an answer with thoughts, text and calls; whole: %s', async (whole) => {
    sim.script({
      reasoning: ['Hm', '.'],
      text: ['Let me ', 'look.'],
      toolCalls: [
        { id: 'c1', name: 'weather', arguments: ['{"city":', '"Seoul"}'] },
        { id: 'c2', name: 'now', arguments: '{}' },
      ],
      usage: { input: 20, output: 9, cached: 4, reasoning: 2 },
    })
    const { parts, error } = await collect(provider, call({ whole }), io)
    expect(error).toBeUndefined()
    expect(joined(parts, 'reasoning')).toBe('Hm.')
    expect(joined(parts, 'text')).toBe('Let me look.')
    const tools = merged(parts).filter((part) => part.type.startsWith('tool-input'))
    expect(tools).toEqual([
      { type: 'tool-input-start', index: 0, callId: 'c1', name: 'weather' },
      { type: 'tool-input-delta', index: 0, text: '{"city":"Seoul"}' },
      { type: 'tool-input-start', index: 1, callId: 'c2', name: 'now' },
      { type: 'tool-input-delta', index: 1, text: '{}' },
    ])
    expect(parts.at(-1)).toMatchObject({
      type: 'finish',
      finishReason: 'tool-calls',
      usage: { inputTokens: 20, outputTokens: 9, cachedInputTokens: 4, estimated: false },
      responseId: expect.stringContaining('sim'),
    })
    const { stream, model, lastUserText } = await sim.nextRequest()
    expect({ stream, model, lastUserText }).toEqual({ stream: !whole, model: 'sim-large', lastUserText: 'Hello' })
  })

  test('parts come as the upstream says them', async () => {
    const reply = sim.hold()
    const stream = provider.streamModel(call(), io)[Symbol.asyncIterator]()
    const next = async () => (await stream.next()).value as ModelPart[]
    reply.send('one')
    expect(await next()).toEqual([{ type: 'text', text: 'one' }])
    reply.send('two')
    expect(await next()).toEqual([{ type: 'text', text: 'two' }])
    reply.finish({ finish: 'length' })
    expect((await next()).at(-1)).toMatchObject({ type: 'finish', finishReason: 'length' })
    expect((await stream.next()).done).toBe(true)
  })

  test('cancel in the middle: throws cancelled, leaves the upstream', async () => {
    const reply = sim.hold()
    reply.send('one')
    const parts: ModelPart[] = []
    const run = async () => {
      for await (const batch of provider.streamModel(call(), io)) {
        parts.push(...batch)
        io.controller.abort()
      }
    }
    await expect(run()).rejects.toMatchObject({ code: 'cancelled' })
    expect(parts).toEqual([{ type: 'text', text: 'one' }])
    await reply.aborted
  })

  test('a consumer that goes away: leaves the upstream', async () => {
    const reply = sim.hold()
    reply.send('one')
    for await (const _ of provider.streamModel(call(), io)) break
    await reply.aborted
    expect(sim.openRequests).toBe(0)
  })

  test('a whole answer although a stream was asked for', async () => {
    sim.script({ raw: { headers: { 'content-type': 'application/json' }, body: wholeAnswers[vendor] } })
    const { parts } = await collect(provider, call(), io)
    expect(parts).toEqual([{ type: 'text', text: 'a' }, expect.objectContaining({ finishReason: 'stop' })])
  })

  test.each(['{}', '[]', 'null', '"x"', '{"choices":[],"content":5,"candidates":[]}'])(
    '%s is no answer',
    async (body) => {
      sim.script({ raw: { headers: { 'content-type': 'application/json' }, body } })
      expect((await collect(provider, call(), io)).error).toMatchObject({ code: 'upstream-malformed' })
    },
  )

  test('one connection serves one call after another', async () => {
    for (let count = 0; count < 3; count++) await collect(provider, call({ whole: true }), io)
    expect(sim.requests).toHaveLength(3)
    expect(sim.openConnections).toBeLessThanOrEqual(2)
  })

  test('the key goes in its header, never the URL; the endpoint’s own headers are sent', async () => {
    const endpoint = { ...sim.endpoint(vendor), headers: { 'X-Team': 'blue' } }
    await collect(provider, callOf(endpoint), io)
    const { headers, path } = await sim.nextRequest()
    const keys = [headers.authorization, headers['x-api-key'], headers['x-goog-api-key']]
    expect(keys.filter((value) => value?.includes('sk-sim-secret'))).toHaveLength(1)
    expect(path).not.toContain('sk-sim')
    expect(headers['x-team']).toBe('blue')
  })

  test('models', async () => {
    sim.models = ['a', 'b']
    expect(await provider.listModels(sim.endpoint(vendor), io)).toEqual(['a', 'b'])
    const closed = sim.endpoint(vendor, await sim.closedOrigin())
    await expect(provider.listModels(closed, io)).rejects.toMatchObject({ code: 'upstream-unreachable' })
  })
})

test('models of a server whose list is nothing but the list', async () => {
  const server = createServer((_, response) => response.end('[{"id":"a"},{"id":"b"}]')).listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`
  expect(await providers['openai-compatible']!.listModels({ url }, io)).toEqual(['a', 'b'])
})

const wholeAnswers: Record<Vendor, string> = {
  'openai-compatible': '{"choices":[{"index":0,"message":{"content":"a"},"finish_reason":"stop"}]}',
  anthropic: '{"content":[{"type":"text","text":"a"}],"stop_reason":"end_turn"}',
  google: '{"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"STOP"}]}',
}
