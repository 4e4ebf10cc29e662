import { expect, test } from 'vitest'
import { expectTearable, fixture, fixtureNames, readAnswer } from '../call-for-test.ts'
import { AnswerReader } from './from-answers.ts'

const folder = import.meta.dirname

const text = (said: string) => ({ type: 'text', text: said })

function finish(finishReason: string, outputTokens = 12, cachedInputTokens = 3) {
  const usage = { inputTokens: 8, outputTokens, cachedInputTokens, reasoningTokens: 7, estimated: false }
  return { type: 'finish', finishReason, usage, responseId: 'r1' }
}

test.each<[trap: string, name: string, parts: unknown[]]>([
  [
    'thoughts count as output; their signature ends them',
    'thoughts-and-text',
    [
      { type: 'reasoning', text: '**Hm** 東京.' },
      { type: 'reasoning-end', signature: 'google:EjQK' },
      text('Grüße 👋🏽'),
      finish('stop'),
    ],
  ],
  [
    'a signature behind the text ends nothing',
    'signature-behind-text',
    [{ type: 'reasoning', text: 'Hm' }, text('a'), finish('stop')],
  ],
  [
    'calls keep their signature; an id is made up where there is none; STOP behind calls',
    'tools',
    [
      { type: 'tool-input-start', index: 0, callId: 'fc1', name: 'weather', signature: 'google:CiQB' },
      { type: 'tool-input-delta', index: 0, text: '{"city":"Seoul"}' },
      { type: 'tool-input-start', index: 1, callId: expect.stringMatching(/^call_[\da-f]{32}$/), name: 'now' },
      { type: 'tool-input-delta', index: 1, text: '{}' },
      finish('tool-calls'),
    ],
  ],
  [
    'grounding: one source, once',
    'grounding',
    [
      text('a'),
      { type: 'source', source: { id: 's1', title: 'A', url: 'https://a.example/', content: '' } },
      finish('stop'),
    ],
  ],
  ['all tokens went into thoughts: no content at all', 'no-content', [finish('length', 7, 0)]],
  ['blocked prompt', 'bad-blocked', ['content-blocked']],
  ['cut', 'bad-cut', [text('a'), 'upstream-malformed']],
  ['a call that cannot be read is no stop', 'bad-malformed-call', ['upstream-malformed']],
  ['error in the middle', 'bad-unavailable', [text('a'), 'upstream-overloaded']],
])('%s', (_trap, name, parts) =>
  expect(readAnswer(new AnswerReader({}), [fixture(folder, `${name}.chunks.txt`)])).toEqual(parts),
)

test.each(fixtureNames(folder))('%s, torn at every byte, says the same', (name) => {
  const masked = (parts: unknown[]) => JSON.stringify(parts).replace(/call_[\da-f]{32}/g, 'call_madeup')
  expectTearable(fixture(folder, name), (chunks) => masked(readAnswer(new AnswerReader({}), chunks)))
})

test.each([
  ['STOP', 'stop'],
  ['MAX_TOKENS', 'length'],
  ['SAFETY', 'content-filter'],
  ['RECITATION', 'content-filter'],
  ['PROHIBITED_CONTENT', 'content-filter'],
  ['SOMETHING_NEW', 'stop'],
])('finishReason %s → %s', (wire, finishReason) => {
  const body = JSON.stringify({ candidates: [{ finishReason: wire }] })
  expect(new AnswerReader({}).readWhole(body)).toEqual([{ type: 'finish', finishReason }])
})

test.each([
  ['OTHER', 'upstream-overloaded'],
  ['MISSING_THOUGHT_SIGNATURE', 'upstream-malformed'],
])('finishReason %s is no end of an answer', (wire, code) => {
  const body = JSON.stringify({ candidates: [{ content: { parts: [{ text: 'a' }] }, finishReason: wire }] })
  expect(() => new AnswerReader({}).readWhole(body)).toThrow(expect.objectContaining({ code }))
})

test('a signature behind a call ends no thought either', () => {
  const parts = [
    { text: 'Hm', thought: true },
    { functionCall: { id: 'fc1', name: 'f' }, thoughtSignature: 'S' },
    { text: '', thoughtSignature: 'late' },
  ]
  const body = JSON.stringify({ candidates: [{ content: { parts }, finishReason: 'STOP' }] })
  expect(new AnswerReader({}).readWhole(body)).toEqual([
    { type: 'reasoning', text: 'Hm' },
    { type: 'tool-input-start', index: 0, callId: 'fc1', name: 'f', signature: 'google:S' },
    { type: 'tool-input-delta', index: 0, text: '{}' },
    { type: 'finish', finishReason: 'tool-calls' },
  ])
})
