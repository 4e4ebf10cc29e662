import { describe, expect, test } from 'vitest'
import type { Message, Part } from '#contracts/index.ts'
import { callOf, user } from '../call-for-test.ts'
import type { ModelCall } from '../spec.ts'
import { toChatRequest } from './to-chat-request.ts'

function request(fields: Partial<ModelCall>, url = 'http://localhost:11434/v1') {
  return toChatRequest(callOf({ url }, fields))
}

function messages(list: Message[], url?: string) {
  return request({ messages: list }, url).messages
}

function content(...parts: Part[]): unknown {
  return (messages([{ role: 'user', parts }])[0] as { content: unknown }).content
}

test('the smallest request', () => {
  expect(request({})).toEqual({
    model: 'sim-large',
    messages: [{ role: 'user', content: 'Hello' }],
    stream: true,
    stream_options: { include_usage: true },
  })
  expect(request({ whole: true })).not.toHaveProperty('stream_options')
})

test('sampling, tools, choice and schema', () => {
  const schema = { type: 'object', properties: { a: { type: 'number' } } }
  const body = request({
    sampling: { temperature: 0, topP: 0.5, topK: 3, stop: ['x'], seed: 1, presencePenalty: 1, frequencyPenalty: -1 },
    tools: [
      { name: 'f', description: 'd', parameters: schema, strict: true, side: 'client' },
      { name: 'g', side: 'server' },
    ],
    toolChoice: { name: 'f' },
    parallelToolCalls: false,
    responseFormat: { type: 'json-schema', name: 'n', schema, strict: true },
  })
  expect(body).toMatchObject({
    temperature: 0,
    top_p: 0.5,
    top_k: 3,
    stop: ['x'],
    seed: 1,
    presence_penalty: 1,
    frequency_penalty: -1,
    tools: [
      { type: 'function', function: { name: 'f', description: 'd', parameters: schema, strict: true } },
      { type: 'function', function: { name: 'g', parameters: { type: 'object', properties: {} } } },
    ],
    tool_choice: { type: 'function', function: { name: 'f' } },
    parallel_tool_calls: false,
    response_format: { type: 'json_schema', json_schema: { name: 'n', schema, strict: true } },
  })
  // Refused where there are no tools.
  expect(request({ parallelToolCalls: false })).not.toHaveProperty('parallel_tool_calls')
  expect(request({ responseFormat: { type: 'json' } }).response_format).toEqual({ type: 'json_object' })
  expect(request({ responseFormat: { type: 'text' }, toolChoice: 'auto' })).not.toHaveProperty('response_format')
})

describe('max tokens', () => {
  const sampling = { maxOutputTokens: 9 }
  test.each([
    ['http://localhost/v1', 'max_tokens'],
    ['https://api.openai.com/v1', 'max_completion_tokens'],
    ['https://x.openai.azure.com/openai/v1', 'max_completion_tokens'],
    ['https://notapi.openai.com.evil.example/v1', 'max_tokens'],
  ])('%s → %s', (url, field) => {
    const { max_tokens, max_completion_tokens } = request({ sampling }, url)
    expect({ max_tokens, max_completion_tokens }).toEqual({ [field]: 9 })
  })

  test('options choose the field, never lift the limit', () => {
    const body = request({ sampling, options: { max_completion_tokens: 99, max_tokens: 99 } })
    expect(body.max_completion_tokens).toBe(9)
    expect(body).not.toHaveProperty('max_tokens')
    expect(request({ options: { max_completion_tokens: 99 } }).max_completion_tokens).toBe(99)
  })
})

test('options are merged, but say neither model, messages, stream, keys nor addresses', () => {
  const options = {
    ...{ logit_bias: { 1: 2 }, logprobs: true, stream_options: { include_obfuscation: false, include_usage: false } },
    ...{
      model: 'x',
      messages: [],
      stream: false,
      n: 5,
      api_key: 'k',
      apiKey: 'k',
      headers: {},
      base_url: 'u',
      Authorization: 'k',
    },
  }
  expect(request({ options })).toEqual({
    ...request({}),
    logit_bias: { 1: 2 },
    logprobs: true,
    stream_options: { include_obfuscation: false, include_usage: true },
  })
})

test('what a user can say', () => {
  expect(content({ type: 'text', text: 'a' }, { type: 'text', text: 'b' })).toBe('a\nb')
  expect(content({ type: 'image', url: 'data:image/png;base64,AA', detail: 'low' })).toEqual([
    { type: 'image_url', image_url: { url: 'data:image/png;base64,AA', detail: 'low' } },
  ])
  expect(content({ type: 'audio', data: 'AA', format: 'wav' })).toEqual([
    { type: 'input_audio', input_audio: { data: 'AA', format: 'wav' } },
  ])
  expect(content({ type: 'file', name: 'a.pdf', mediaType: 'application/pdf', data: 'AA' })).toEqual([
    { type: 'file', file: { filename: 'a.pdf', file_data: 'data:application/pdf;base64,AA' } },
  ])
  expect(content({ type: 'file', name: 'a.txt', mediaType: 'text/plain', data: 'SGk=' })).toBe('File a.txt:\nHi')
  expect(content({ type: 'file', name: 'a.txt', mediaType: 'text/plain', url: 'data:text/plain,100%25%20%' })).toBe(
    'File a.txt:\n100% %',
  )
  expect(content({ type: 'file', name: 'a.pdf', mediaType: 'application/pdf', text: 'T', data: 'AA' })).toBe(
    'File a.pdf:\nT',
  )
  expect(content({ type: 'file', name: 'a.png', mediaType: 'image/png', data: 'AA' })).toEqual([
    { type: 'image_url', image_url: { url: 'data:image/png;base64,AA' } },
  ])
})

test('a tool conversation', () => {
  const parts: Part[] = [
    { type: 'reasoning', text: 'hm', signature: 'anthropic:s' },
    { type: 'text', text: 'Looking.' },
    { type: 'tool-call', callId: 'c1', name: 'f', arguments: '{"a":1}' },
    { type: 'tool-result', callId: 'c1', result: 'ok', isError: false },
  ]
  const expected = [
    { role: 'system', content: 'Be brief.' },
    {
      role: 'assistant',
      content: 'Looking.',
      tool_calls: [{ id: 'c1', type: 'function', function: { name: 'f', arguments: '{"a":1}' } }],
    },
    { role: 'tool', tool_call_id: 'c1', content: 'ok' },
    { role: 'user', content: 'Hello', name: 'Ann' },
  ]
  const list: Message[] = [
    { role: 'system', parts: [{ type: 'text', text: 'Be brief.' }] },
    { role: 'assistant', parts },
    { ...user('Hello'), name: 'Ann' },
  ]
  expect(messages(list)).toEqual(expected)
  expect(messages(list, 'https://api.deepseek.com/v1')[1]).toMatchObject({ reasoning_content: 'hm' })
})

test('arguments that are no JSON object, overlong ids, an empty answer', () => {
  const callId = `toolu_${'x'.repeat(60)}`
  const sent = messages([
    { role: 'assistant', parts: [{ type: 'tool-call', callId, name: 'f', arguments: '{"a":' }] },
    { role: 'assistant', parts: [{ type: 'tool-call', callId: 'b', name: 'f', arguments: '' }] },
    { role: 'assistant', parts: [] },
  ]) as { tool_calls?: { id: string; function: { arguments: string } }[]; tool_call_id?: string }[]
  const [first, firstResult, second] = sent
  expect(first!.tool_calls![0]!.function.arguments).toBe('{"_raw":"{\\"a\\":"}')
  expect(first!.tool_calls![0]!.id.length).toBeLessThanOrEqual(40)
  expect(firstResult!.tool_call_id).toBe(first!.tool_calls![0]!.id)
  expect(second!.tool_calls![0]!.function.arguments).toBe('{}')
  expect(sent).toHaveLength(4)
})

test('own signatures go back to Gemini only', () => {
  const list: Message[] = [
    {
      role: 'assistant',
      parts: [{ type: 'tool-call', callId: 'c', name: 'f', arguments: '{}', signature: 'openai-compatible:S' }],
    },
  ]
  const gemini = 'https://generativelanguage.googleapis.com/v1beta/openai'
  expect(JSON.stringify(messages(list, gemini))).toContain('"thought_signature":"S"')
  expect(JSON.stringify(messages(list))).not.toContain('signature')
})
