import { expect, test } from 'vitest'
import type { Message, Part } from '#contracts/index.ts'
import { callOf, user } from '../call-for-test.ts'
import type { ModelCall } from '../spec.ts'
import { abilitiesOf } from './model-abilities.ts'
import { toMessagesRequest } from './to-messages-request.ts'

function request(fields: Partial<ModelCall> = {}, model = 'claude-sonnet-4-5') {
  return toMessagesRequest(callOf({ url: 'http://localhost/v1' }, { model, ...fields }))
}

const text = (said: string): Part => ({ type: 'text', text: said })
const schema = { type: 'object', properties: { a: { type: 'object', properties: {} } } }

test('the smallest request; max_tokens has a default', () => {
  expect(request()).toEqual({
    model: 'claude-sonnet-4-5',
    messages: [{ role: 'user', content: [{ type: 'text', text: 'Hello' }] }],
    stream: true,
    max_tokens: 8_192,
  })
})

test('a stop sequence of white space, which the protocol refuses, is left out', () => {
  expect(request({ sampling: { stop: ['\n\n', ' END ', ' ', ''] } })).toMatchObject({ stop_sequences: [' END '] })
  expect(request({ sampling: { stop: ['\n', '\t'] } })).not.toHaveProperty('stop_sequences')
})

test('roles alternate, begin with the user; system is taken out; empty text is left out', () => {
  const messages: Message[] = [
    { role: 'assistant', parts: [text('Hi')] },
    { role: 'system', parts: [text('A'), text('a')] },
    user('a'),
    user(' '),
    { role: 'system', parts: [text('B')] },
    user('b'),
    { role: 'assistant', parts: [text('so ')] },
  ]
  const { system, messages: sent } = request({ messages })
  expect(system).toBe('A\na\n\nB')
  expect(sent).toEqual([
    { role: 'user', content: [{ type: 'text', text: '(continued)' }] },
    { role: 'assistant', content: [{ type: 'text', text: 'Hi' }] },
    {
      role: 'user',
      content: [
        { type: 'text', text: 'a' },
        { type: 'text', text: 'b' },
      ],
    },
    { role: 'assistant', content: [{ type: 'text', text: 'so' }] },
  ])
})

test('tools: calls and results in pairs, ids made acceptable, own thinking sent back and no other', () => {
  const messages: Message[] = [
    user('go'),
    {
      role: 'assistant',
      parts: [
        { type: 'reasoning', text: 'mine', signature: 'anthropic:S' },
        { type: 'reasoning', text: '', signature: 'anthropic:redacted:R==' },
        { type: 'reasoning', text: 'other', signature: 'google:G' },
        { type: 'tool-call', callId: 'call:1', name: 'f', arguments: '[1]' },
      ],
    },
    user('wait'),
    { role: 'tool', parts: [{ type: 'tool-result', callId: 'call:1', result: 'no', isError: true }] },
  ]
  expect(request({ messages }).messages.slice(1)).toEqual([
    {
      role: 'assistant',
      content: [
        { type: 'thinking', thinking: 'mine', signature: 'S' },
        { type: 'redacted_thinking', data: 'R==' },
        { type: 'tool_use', id: 'call_1', name: 'f', input: { _raw: [1] } },
      ],
    },
    {
      role: 'user',
      content: [
        { type: 'tool_result', tool_use_id: 'call_1', content: 'no', is_error: true },
        { type: 'text', text: 'wait' },
      ],
    },
  ])
})

test('media', () => {
  const parts: Part[] = [
    { type: 'image', url: 'data:image/png;base64,AA' },
    { type: 'image', url: 'https://a.example/b.png' },
    { type: 'file', name: 'a.pdf', mediaType: 'application/pdf', data: 'AA' },
    { type: 'file', name: 'b.pdf', mediaType: 'application/pdf', url: 'https://a.example/b.pdf' },
    { type: 'file', name: 'c.txt', mediaType: 'text/plain', text: 'T' },
  ]
  expect(request({ messages: [{ role: 'user', parts }] }).messages[0]!.content).toEqual([
    { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AA' } },
    { type: 'image', source: { type: 'url', url: 'https://a.example/b.png' } },
    { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: 'AA' }, title: 'a.pdf' },
    { type: 'document', source: { type: 'url', url: 'https://a.example/b.pdf' }, title: 'b.pdf' },
    { type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'File c.txt:\nT' }, title: 'c.txt' },
  ])
})

test.each([
  ['auto', { type: 'auto' }],
  ['none', { type: 'none' }],
  ['required', { type: 'any' }],
  [{ name: 'f' }, { type: 'tool', name: 'f' }],
] as const)('tool choice %j', (toolChoice, tool_choice) => {
  const body = request({ tools: [{ name: 'f', side: 'client' }], toolChoice })
  expect(body).toMatchObject({ tool_choice, tools: [{ name: 'f', input_schema: { type: 'object' } }] })
})

test('json schema: output_config where the model knows it, else a forced tool', () => {
  const responseFormat = { type: 'json-schema', name: 'x', schema } as const
  expect(request({ responseFormat }).output_config).toEqual({
    format: {
      type: 'json_schema',
      schema: {
        type: 'object',
        properties: { a: { type: 'object', properties: {}, additionalProperties: false } },
        additionalProperties: false,
      },
    },
  })
  expect(request({ responseFormat }, 'claude-3-7-sonnet-20250219')).toMatchObject({
    tools: [{ name: 'answer_x', input_schema: schema }],
    tool_choice: { type: 'tool', name: 'answer_x' },
  })
})

test.each([
  [undefined, { type: 'auto', disable_parallel_tool_use: true }],
  ['required', { type: 'any', disable_parallel_tool_use: true }],
  [{ name: 'f' }, { type: 'tool', name: 'f', disable_parallel_tool_use: true }],
  ['none', { type: 'none' }],
] as const)('one call at most, with tool choice %j', (toolChoice, tool_choice) => {
  const fields = { tools: [{ name: 'f', side: 'client' as const }], ...(toolChoice && { toolChoice }) }
  expect(request({ ...fields, parallelToolCalls: false }).tool_choice).toEqual(tool_choice)
})

test('json schema by a forced tool: others may be called beside it, unless none may', () => {
  const responseFormat = { type: 'json-schema', name: 'x', schema } as const
  const fields = { responseFormat, tools: [{ name: 'f', side: 'client' }] } as const
  const chosen = (toolChoice?: 'none') =>
    request({ ...fields, tools: [...fields.tools], ...(toolChoice && { toolChoice }) }, 'claude-3-7-sonnet').tool_choice
  expect(chosen()).toEqual({ type: 'any' })
  expect(chosen('none')).toEqual({ type: 'tool', name: 'answer_x' })
})

test('json schema: rules that the API has no word for are told in the description', () => {
  const rated = {
    type: 'object',
    properties: {
      stars: { type: 'integer', minimum: 1, maximum: 5 },
      tags: { type: 'array', description: 'Short ones', minItems: 2, items: { type: 'string', maxLength: 9 } },
      minimum: { type: 'array', minItems: 1, items: { enum: [{ minimum: 1 }] } },
    },
    additionalProperties: false,
  }
  const responseFormat = { type: 'json-schema', name: 'x', schema: rated } as const
  expect(request({ responseFormat }).output_config).toEqual({
    format: {
      type: 'json_schema',
      schema: {
        type: 'object',
        properties: {
          stars: { type: 'integer', description: '(minimum: 1, maximum: 5)' },
          tags: {
            type: 'array',
            description: 'Short ones (minItems: 2)',
            items: { type: 'string', description: '(maxLength: 9)' },
          },
          minimum: { type: 'array', minItems: 1, items: { enum: [{ minimum: 1 }] } },
        },
        additionalProperties: false,
      },
    },
  })
})

test('json schema: a property may be called like a word of the language', () => {
  // As in GeoJSON.
  const feature = { type: 'object', properties: { type: { const: 'Feature' }, properties: { type: 'object' } } }
  const responseFormat = { type: 'json-schema', name: 'x', schema: feature } as const
  expect(request({ responseFormat }).output_config).toEqual({
    format: {
      type: 'json_schema',
      schema: {
        type: 'object',
        properties: { type: { const: 'Feature' }, properties: { type: 'object', additionalProperties: false } },
        additionalProperties: false,
      },
    },
  })
})

test('thinking: a budget before 4.6, an effort since; no sampling beside it, and none at all since 4.7', () => {
  const sampling = { reasoningEffort: 'high', temperature: 0.5 } as const
  expect(request({ sampling })).toMatchObject({
    thinking: { type: 'enabled', budget_tokens: 16_384 },
    max_tokens: 24_576,
  })
  expect(request({ sampling: { ...sampling, maxOutputTokens: 4_096 } })).toMatchObject({
    thinking: { type: 'enabled', budget_tokens: 3_072 },
    max_tokens: 4_096,
  })
  // Opus 4 and 4.1 write no more.
  expect(request({ sampling: { reasoningEffort: 'max' } }).max_tokens).toBe(32_000)
  expect(request({ sampling: { ...sampling, maxOutputTokens: 1_500 } })).not.toHaveProperty('thinking')
  expect(request({ sampling })).not.toHaveProperty('temperature')
  const newer = request({ sampling }, 'claude-opus-4-7')
  expect(newer).toMatchObject({ thinking: { type: 'adaptive' }, output_config: { effort: 'high' }, max_tokens: 8_192 })
  expect(request({ sampling: { temperature: 0.5 } }, 'claude-opus-4-7')).not.toHaveProperty('temperature')
  expect(request({ sampling: { temperature: 1.5 } }).temperature).toBe(1)
})

test('thinking is left off when the calls to go on from have no thoughts of its own', () => {
  const parts: Part[] = [{ type: 'tool-call', callId: '1', name: 'f', arguments: '{}' }]
  const messages: Message[] = [user('go'), { role: 'assistant', parts }]
  expect(request({ messages, sampling: { reasoningEffort: 'low' } })).not.toHaveProperty('thinking')
})

test('options: pass what Parley has no word for, never model, messages, stream or keys', () => {
  const options = {
    metadata: { user_id: 'u' },
    thinking: { type: 'disabled' },
    model: 'x',
    stream: false,
    api_key: 'k',
  }
  expect(request({ options })).toEqual({ ...request(), metadata: { user_id: 'u' }, thinking: { type: 'disabled' } })
})

test.each([
  ['claude-3-7-sonnet-20250219', false, false],
  ['claude-opus-4-20250514', false, false],
  ['claude-haiku-4-5-20251001', false, true],
  ['claude-sonnet-4-6', true, true],
  ['anthropic/claude-opus-4.7', true, true],
  ['claude-opus-5', true, true],
  ['some-model', false, false],
])('%s: adaptive thinking %s, output format %s', (model, adaptiveThinking, outputFormat) => {
  expect(abilitiesOf(model)).toMatchObject({ adaptiveThinking, outputFormat })
})
