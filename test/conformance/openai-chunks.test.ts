import { describe, expect, it } from 'vitest'
import { emptyTurn, reduce, type TurnEvent } from '#contracts/index.ts'
import { chunkEncoder, toCompletion } from '#dialects/chat-completions/index.ts'
import { envelopes, everyEvent, golden, turn } from './every-event.ts'

/** How many chunks each event's samples become, for current clients and for those of `functions`; complete by its type. */
const expected: Record<TurnEvent['type'], number> = {
  'turn-start': 0,
  'turn-end': 3,
  'model-start': 0,
  'model-end': 0,
  // A call of the client's; the server's own tools are no affair of this dialect.
  'part-start': 1,
  'text-delta': 3,
  'reasoning-delta': 1,
  'refusal-delta': 1,
  'audio-delta': 1,
  'tool-input-delta': 1,
  'part-end': 0,
  'part-reset': 0,
  'tool-call': 0,
  'tool-result': 0,
  // Only one of the two can be opened.
  source: 1,
  input: 0,
  'context-trim': 0,
  'memory-update': 0,
  suggestion: 0,
  retry: 0,
  'iteration-start': 0,
  thought: 0,
  reflection: 0,
  'plan-update': 0,
  'task-update': 0,
  'run-start': 0,
  'run-end': 0,
  'node-start': 0,
  'node-progress': 0,
  'node-end': 0,
  'node-output': 0,
  'node-log': 0,
  'edge-update': 0,
  'approval-request': 0,
  'answer-request': 0,
  'request-result': 0,
}

const plain = { includeUsage: false, legacyFunctions: false }

/** An encoder that has said its first chunk, and knows the tool inputs. */
function begun(options: Parameters<typeof chunkEncoder>[1]) {
  const encode = chunkEncoder(turn, options)
  for (const { event } of envelopes()) if (event.type === 'part-start') encode(event)
  return encode
}

describe('chat completion chunks', () => {
  it.each(Object.keys(everyEvent) as TurnEvent['type'][])('%s becomes as many as it should', (type) => {
    const encode = begun({ ...plain, includeUsage: true })
    const chunks = everyEvent[type].flatMap((event) => encode(event))
    // A completed and a paused turn end with two: the finish, and the usage.
    expect(chunks).toHaveLength(type === 'turn-end' ? 4 : expected[type])
    for (const chunk of chunks)
      expect(JSON.parse(chunk)).toMatchObject({
        id: 'chatcmpl-turn-1',
        object: 'chat.completion.chunk',
        created: 1_700_000_000,
        model: 'sim',
        choices: expect.any(Array),
      })
  })

  it('begin with the role, once, and end with a reason, once', () => {
    const encode = chunkEncoder(turn, plain)
    const chunks = envelopes()
      .flatMap(({ event }) => encode(event))
      .map((chunk) => JSON.parse(chunk))
    expect(chunks.map(({ choices }) => choices[0].delta.role)).toEqual([
      'assistant',
      ...Array.from({ length: chunks.length - 1 }, () => undefined),
    ])
    expect(chunks.map(({ choices }) => choices[0].finish_reason).filter(Boolean)).toEqual(['stop'])
  })

  it('have null for the text of an answer that begins with a call, as the whole answer has', () => {
    const first = (type: TurnEvent['type']) => {
      const encode = chunkEncoder(turn, plain)
      const [chunk] = everyEvent[type].flatMap((event) => encode(event))
      return JSON.parse(chunk!).choices[0].delta
    }
    expect(first('part-start')).toEqual({ role: 'assistant', content: null, refusal: null })
    expect(first('text-delta')).toEqual({ role: 'assistant', content: '', refusal: null })
  })

  it('make up no ending for a turn that failed or was cancelled', () => {
    for (const end of everyEvent['turn-end'].slice(2)) expect(begun({ ...plain, includeUsage: true })(end)).toEqual([])
  })

  it('joined are the whole answer', () => {
    const encode = chunkEncoder(turn, plain)
    const chunks = envelopes()
      .flatMap(({ event }) => encode(event))
      .map((chunk) => JSON.parse(chunk))
    // A reset has no place among chunks; without it both must say the same.
    const state = envelopes().reduce(
      (sum, { event }) => (event.type === 'part-reset' ? sum : reduce(sum, event)),
      emptyTurn,
    )
    const whole = JSON.parse(toCompletion(turn, state, plain))
    const joined = (field: string) => chunks.map(({ choices }) => choices[0].delta[field] ?? '').join('')
    expect(whole.choices[0]!.message).toMatchObject({
      content: joined('content'),
      refusal: joined('refusal'),
      reasoning_content: joined('reasoning_content'),
      audio: { data: 'AAAA', transcript: 'Hi' },
      tool_calls: [{ id: 'call_1', function: { name: 'weather', arguments: '{"city":"Oslo"}' } }],
    })
    expect(whole.choices[0]!.logprobs).toEqual({ content: [{ token: '!', logprob: -0.5 }], refusal: null })
    expect(whole.usage).toMatchObject({ prompt_tokens: 30, completion_tokens: 12, total_tokens: 42 })
  })

  it('are, byte for byte, the golden ones', async () => {
    const encode = (options: Parameters<typeof chunkEncoder>[1]) => {
      const one = chunkEncoder(turn, options)
      return golden(({ event }) => one(event))
    }
    await expect(encode({ ...plain, includeUsage: true })).toMatchFileSnapshot('golden/openai-chunks.txt')
    await expect(encode({ ...plain, legacyFunctions: true })).toMatchFileSnapshot('golden/openai-chunks-functions.txt')
  })
})
