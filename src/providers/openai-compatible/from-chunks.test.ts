import { expect, test } from 'vitest'
import { expectTearable, fixture, fixtureNames, merged, readAnswer } from '../call-for-test.ts'
import { ChunkReader } from './from-chunks.ts'

const folder = import.meta.dirname

function read(name: string): unknown[] {
  return readAnswer(new ChunkReader({ audioFormat: 'wav' }), [fixture(folder, `${name}.chunks.txt`)])
}

function finish(finishReason = 'stop', usage?: [input: number, output: number, cached?: number, reasoning?: number]) {
  const [inputTokens, outputTokens, cachedInputTokens = 0, reasoningTokens = 0] = usage ?? []
  return {
    type: 'finish',
    finishReason,
    responseId: 'chatcmpl-9x',
    systemFingerprint: 'fp_1',
    serviceTier: 'default',
    ...(usage && { usage: { inputTokens, outputTokens, cachedInputTokens, reasoningTokens, estimated: false } }),
  }
}

const text = (said: string) => ({ type: 'text', text: said })
const start = (index: number, callId: unknown, name: string) => ({ type: 'tool-input-start', index, callId, name })
const input = (index: number, said: string) => ({ type: 'tool-input-delta', index, text: said })
const madeUp = expect.stringMatching(/^call_[\da-f]{32}$/)

test.each<[trap: string, name: string, parts: unknown[]]>([
  ['text with usage at the end', 'text', [text('Grüße aus 東京 👋🏽'), finish('stop', [19, 8, 4, 2])]],
  [
    'indices from 1, calls interleaved',
    'tools-index-from-1',
    [
      start(0, 'call_a', 'weather'),
      input(0, '{"city":'),
      start(1, 'call_b', 'time'),
      input(1, '{"zone":"UTC"}'),
      input(0, '"Seoul"}'),
      finish('tool-calls', [50, 20]),
    ],
  ],
  [
    'no indices, and `stop` behind calls',
    'tools-no-index',
    [
      start(0, 'a1', 'weather'),
      input(0, '{"city":"Seoul"}'),
      start(1, 'a2', 'weather'),
      input(1, '{"city":"Oslo"}'),
      finish('tool-calls', [5, 6]),
    ],
  ],
  [
    'neither indices nor ids, names repeated',
    'tools-no-index-no-id',
    [
      start(0, madeUp, 'weather'),
      input(0, '{"city":"Seoul"}'),
      start(1, madeUp, 'weather'),
      input(1, '{"city":"Oslo"}'),
      finish('tool-calls', [5, 6]),
    ],
  ],
  [
    'every parallel call is number 0',
    'tools-all-index-0',
    [
      start(0, 'x1', 'weather'),
      input(0, '{"city":"Seoul"}'),
      start(1, 'x2', 'time'),
      input(1, '{}'),
      finish('tool-calls', [5, 6]),
    ],
  ],
  [
    'id and name in every delta',
    'tools-repeated-id-and-name',
    [start(0, 'r1', 'weather'), input(0, '{"city":"Seoul"}'), finish('tool-calls', [5, 6])],
  ],
  [
    'name behind the first arguments',
    'tools-late-name',
    [start(0, 'l1', 'sum'), input(0, '{"a":1}'), finish('tool-calls')],
  ],
  [
    'arguments as an object',
    'tools-object-arguments',
    [start(0, 'o1', 'sum'), input(0, '{"a":1}'), finish('tool-calls')],
  ],
  [
    'legacy function_call',
    'function-call',
    [start(0, madeUp, 'weather'), input(0, '{"city":"Seoul"}'), finish('tool-calls')],
  ],
  ['usage in every chunk: the last counts', 'usage-every-chunk', [text('ab'), finish('stop', [7, 3])]],
  ['usage twice: is not added', 'usage-twice', [text('a'), finish('stop', [7, 3])]],
  ['usage negative: is none', 'usage-negative', [text('a'), finish()]],
  ['usage with fractions: is none', 'usage-fraction', [text('a'), finish()]],
  ['reasoning_content', 'reasoning-content', [{ type: 'reasoning', text: 'Hm, so.' }, text('4'), finish()]],
  [
    'reasoning told twice in one delta, with a signature',
    'reasoning-openrouter',
    [
      { type: 'reasoning', text: 'Hm' },
      { type: 'reasoning-end', signature: 'openai-compatible:sig1' },
      text('4'),
      finish(),
    ],
  ],
  ['content as a list', 'reasoning-mistral', [{ type: 'reasoning', text: 'Hm' }, text('4'), finish()]],
  ['refusal', 'refusal', [{ type: 'refusal', text: 'I can’t' }, { type: 'refusal', text: ' do that.' }, finish()]],
  [
    'url_citation: one source, once',
    'annotations',
    [
      text('See.'),
      {
        type: 'source',
        source: {
          id: 's1',
          title: 'A',
          url: 'https://a.example/',
          content: '',
          metadata: { start_index: 0, end_index: 4 },
        },
      },
      finish(),
    ],
  ],
  [
    'logprobs are passed on',
    'logprobs',
    [{ ...text('Hi'), logprobs: [{ token: 'Hi', logprob: -0.1, bytes: [72, 105], top_logprobs: [] }] }, finish()],
  ],
  [
    'audio',
    'audio',
    [
      { type: 'audio', data: '', id: 'audio_1', transcript: 'He', format: 'wav' },
      { type: 'audio', data: 'AAAA', format: 'wav' },
      { type: 'audio', data: '', expiresAt: 1_760_003_600, format: 'wav' },
      finish(),
    ],
  ],
  ['emoji cut in two JSON strings', 'emoji-cut-in-two', [text('a😀b'), { type: 'finish', finishReason: 'stop' }]],
  ['CRLF', 'crlf', [text('a'), finish()]],
  ['finish_reason but no [DONE]', 'no-done', [text('a'), finish()]],
  ['a second choice is not ours', 'second-choice', [text('mine'), finish()]],
  ['a first chunk without choices and with empty names', 'azure-prompt-filter', [text('a'), finish()]],
  ['[DONE] without finish_reason', 'bad-done-without-finish', [text('a'), 'upstream-malformed']],
  ['end without either', 'bad-cut', [text('ab'), 'upstream-malformed']],
  ['broken JSON', 'bad-json', [text('a'), 'upstream-malformed']],
  ['error object', 'bad-error-object', [text('a'), 'upstream-overloaded']],
  ['error object with an HTTP status', 'bad-error-status', [text('a'), 'upstream-rate-limited']],
  ['error event', 'bad-error-event', [text('a'), 'upstream-overloaded']],
  ['finish_reason error', 'bad-finish-error', [text('a'), 'upstream-overloaded']],
  ['a call without a name', 'bad-nameless-call', ['upstream-malformed']],
])('%s', (_trap, name, parts) => expect(read(name)).toEqual(parts))

test.each(fixtureNames(folder))('%s, torn at every byte, says the same', (name) => {
  const masked = (parts: unknown[]) => JSON.stringify(parts).replace(/call_[\da-f]{32}/g, 'call_madeup')
  expectTearable(fixture(folder, name), (chunks) => masked(readAnswer(new ChunkReader({}), chunks)))
})

test.each<[who: string, usage: object, tokens: object]>([
  [
    'among the output, as OpenAI does',
    {
      prompt_tokens: 32,
      completion_tokens: 103,
      total_tokens: 135,
      completion_tokens_details: { reasoning_tokens: 94 },
    },
    { inputTokens: 32, outputTokens: 103, reasoningTokens: 94 },
  ],
  [
    'beside the output, as Grok does',
    { prompt_tokens: 32, completion_tokens: 9, total_tokens: 135, completion_tokens_details: { reasoning_tokens: 94 } },
    { inputTokens: 32, outputTokens: 103, reasoningTokens: 94 },
  ],
  [
    'in figures that do not add up',
    { prompt_tokens: 32, completion_tokens: 9, total_tokens: 136, completion_tokens_details: { reasoning_tokens: 94 } },
    { inputTokens: 32, outputTokens: 9, reasoningTokens: 9 },
  ],
])('thoughts that are counted %s', (_who, usage, tokens) => {
  const answer = { choices: [{ message: { content: 'a' }, finish_reason: 'stop' }], usage }
  expect(new ChunkReader({}).readWhole(JSON.stringify(answer)).at(-1)).toMatchObject({ usage: tokens })
})

test.each<[wire: string, reason: string]>([
  ['stop', 'stop'],
  ['length', 'length'],
  ['content_filter', 'content-filter'],
  ['tool_calls', 'stop'],
  ['function_call', 'stop'],
  ['eos', 'stop'],
  ['constructor', 'stop'],
])('finish_reason %s without calls → %s', (wire, reason) => {
  const event = JSON.stringify({ choices: [{ index: 0, delta: {}, finish_reason: wire }] })
  expect(readAnswer(new ChunkReader({}), [Buffer.from(`data: ${event}\n\n`)])).toEqual([
    { type: 'finish', finishReason: reason },
  ])
})

test.each([
  ['without arguments', { arguments: '' }, { arguments: '' }, ['{}', '{}']],
  ['with none at all', {}, { arguments: null }, ['{}', '{}']],
  ['with one id', { arguments: '{"a":1}' }, { arguments: '{"a":2}' }, ['{"a":1}', '{"a":2}']],
])('whole answer: two calls of one function %s are two', (_trap, first, second, inputs) => {
  const tool_calls = [first, second].map((more) => ({ id: 'call_0', function: { name: 'f', ...more } }))
  const body = { choices: [{ message: { content: null, tool_calls }, finish_reason: 'tool_calls' }] }
  expect(merged(new ChunkReader({}).readWhole(JSON.stringify(body)))).toEqual(
    expect.arrayContaining([
      start(0, 'call_0', 'f'),
      input(0, inputs[0]!),
      start(1, 'call_0', 'f'),
      input(1, inputs[1]!),
      { type: 'finish', finishReason: 'tool-calls' },
    ]),
  )
})

test('stream: a call without arguments gets its braces with the finish, and not when it is cut off', () => {
  const call = { index: 0, id: 'call_0', function: { name: 'f', arguments: '' } }
  const chunk = (delta: object, finish_reason: string | null) =>
    `data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason }] })}\n\n`
  const said = (reason: string) =>
    readAnswer(new ChunkReader({}), [Buffer.from(chunk({ tool_calls: [call] }, null) + chunk({}, reason))])
  expect(said('tool_calls')).toEqual([
    start(0, 'call_0', 'f'),
    input(0, '{}'),
    { type: 'finish', finishReason: 'tool-calls' },
  ])
  expect(said('length')).toEqual([start(0, 'call_0', 'f'), { type: 'finish', finishReason: 'length' }])
})

test.each([
  [{ message: 'no', code: 400 }, 'upstream-rejected'],
  [{ message: 'no', type: 'None', code: '400' }, 'upstream-rejected'],
  [{ message: 'no', code: '529' }, 'upstream-overloaded'],
])('error in a stream: %j → %s', (error, code) => {
  expect(readAnswer(new ChunkReader({}), [Buffer.from(`data: ${JSON.stringify({ error })}\n\n`)])).toEqual([code])
})
