import { expect, test } from 'vitest'
import { expectTearable, fixture, fixtureNames, merged, readAnswer } from '../call-for-test.ts'
import { MessageReader } from './from-events.ts'

const folder = import.meta.dirname

const text = (said: string) => ({ type: 'text', text: said })

function finish(finishReason: string, outputTokens: number, inputTokens = 35, cachedInputTokens = 20) {
  const usage = { inputTokens, outputTokens, cachedInputTokens, reasoningTokens: 0, estimated: false }
  return { type: 'finish', finishReason, usage, responseId: 'msg_1', serviceTier: 'standard' }
}

test.each<[trap: string, name: string, parts: unknown[]]>([
  [
    'thinking ends with its whole signature; redacted thinking is all signature; cache reads and writes are input',
    'thinking-and-text',
    [
      { type: 'reasoning', text: 'Hm, 東京.' },
      { type: 'reasoning-end', signature: 'anthropic:EqQBxyz==' },
      { type: 'reasoning', text: '' },
      { type: 'reasoning-end', signature: 'anthropic:redacted:Emw=' },
      text('Grüße 👋🏽'),
      finish('stop', 12),
    ],
  ],
  [
    'tool calls are numbered among themselves; one without arguments gets its braces',
    'tools',
    [
      text('Let me look.'),
      { type: 'tool-input-start', index: 0, callId: 'toolu_1', name: 'weather' },
      { type: 'tool-input-delta', index: 0, text: '{"city": "Seoul"}' },
      { type: 'tool-input-start', index: 1, callId: 'toolu_2', name: 'now' },
      { type: 'tool-input-delta', index: 1, text: '{}' },
      finish('tool-calls', 30),
    ],
  ],
  [
    'thinking that is not shown keeps its signature',
    'hidden-thinking',
    [
      { type: 'reasoning', text: '' },
      { type: 'reasoning-end', signature: 'anthropic:S' },
      text('4'),
      finish('stop', 3),
    ],
  ],
  [
    'citations',
    'citations',
    [
      { type: 'source', source: { id: 's1', title: 'A', url: 'https://a.example/', content: 'q' } },
      text('a'),
      finish('stop', 3),
    ],
  ],
  ['usage is a running total: later figures replace earlier ones', 'usage-cumulative', [finish('length', 9, 37)]],
  ['unknown events and blocks are passed over', 'unknown-events', [text('a'), finish('stop', 3)]],
  ['stop_reason but no message_stop', 'no-message-stop', [text('a'), finish('stop', 3)]],
  ['overloaded in the middle', 'bad-overloaded', [text('a'), 'upstream-overloaded']],
  ['cut', 'bad-cut', [text('a'), 'upstream-malformed']],
  ['message_stop without stop_reason', 'bad-stop-without-reason', [text('a'), 'upstream-malformed']],
])('%s', (_trap, name, parts) =>
  expect(readAnswer(new MessageReader({}), [fixture(folder, `${name}.events.txt`)])).toEqual(parts),
)

test.each(fixtureNames(folder))('%s, torn at every byte, says the same', (name) => {
  expectTearable(fixture(folder, name), (chunks) => readAnswer(new MessageReader({}), chunks))
})

test.each([
  ['end_turn', 'stop'],
  ['stop_sequence', 'stop'],
  ['pause_turn', 'stop'],
  ['max_tokens', 'length'],
  ['model_context_window_exceeded', 'length'],
  ['refusal', 'content-filter'],
  ['something_new', 'stop'],
])('stop_reason %s → %s', (stop_reason, finishReason) => {
  const parts = new MessageReader({}).readWhole(JSON.stringify({ content: [], stop_reason }))
  expect(parts).toEqual([{ type: 'finish', finishReason }])
})

test('whole answer: the same parts as the stream', () => {
  const parts = new MessageReader({}).readWhole(
    JSON.stringify({
      id: 'msg_1',
      content: [
        { type: 'thinking', thinking: 'Hm', signature: 'S' },
        { type: 'text', text: 'Let me look.' },
        { type: 'tool_use', id: 'toolu_1', name: 'weather', input: { city: 'Seoul' } },
      ],
      stop_reason: 'tool_use',
      usage: { input_tokens: 10, cache_read_input_tokens: null, output_tokens: 3 },
    }),
  )
  expect(merged(parts)).toEqual([
    { type: 'reasoning', text: 'Hm' },
    { type: 'reasoning-end', signature: 'anthropic:S' },
    text('Let me look.'),
    { type: 'tool-input-start', index: 0, callId: 'toolu_1', name: 'weather' },
    { type: 'tool-input-delta', index: 0, text: '{"city":"Seoul"}' },
    {
      type: 'finish',
      finishReason: 'tool-calls',
      usage: { inputTokens: 10, outputTokens: 3, cachedInputTokens: 0, reasoningTokens: 0, estimated: false },
      responseId: 'msg_1',
    },
  ])
})

test('the answer given through a tool is text, and stop', () => {
  const body = { content: [{ type: 'tool_use', id: 't', name: 'answer_x', input: { a: 1 } }], stop_reason: 'tool_use' }
  expect(new MessageReader({ answerTool: 'answer_x' }).readWhole(JSON.stringify(body))).toEqual([
    text('{"a":1}'),
    { type: 'finish', finishReason: 'stop' },
  ])
})
