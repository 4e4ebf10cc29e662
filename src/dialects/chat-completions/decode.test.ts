import { describe, expect, it } from 'vitest'
import { decodeCompletion } from './decode.ts'
import { decodeMessages } from './decode-messages.ts'

const body = (more: object) => ({ model: 'm', messages: [{ role: 'user', content: 'Hi' }], ...more }) as never
const refusal = (field: string) => expect.objectContaining({ details: expect.objectContaining({ field }) })

const text = { type: 'text', text: 'Look' }
const image = (detail?: unknown) => ({ type: 'image_url', image_url: { url: 'https://example.org/a.png', detail } })

describe('decodeMessages', () => {
  it('reads every role and part', () => {
    expect(
      decodeMessages([
        { role: 'developer', content: 'Be kind' },
        {
          role: 'user',
          name: 'ada',
          content: [
            { type: 'text', text: 'Look' },
            { type: 'image_url', image_url: { url: 'https://example.org/a.png', detail: 'low' } },
            { type: 'image_url', image_url: 'data:image/png;base64,AAAA' },
            { type: 'input_audio', input_audio: { data: 'AAAA', format: 'wav' } },
            { type: 'file', file: { filename: 'a.pdf', file_data: 'data:application/pdf;base64,AAAA' } },
          ],
        },
        {
          role: 'assistant',
          content: null,
          reasoning_content: 'hm',
          tool_calls: [{ id: 'c1', type: 'function', function: { name: 'look', arguments: '{' } }],
        },
        { role: 'tool', tool_call_id: 'c1', content: [{ type: 'text', text: 'Found' }] },
        { role: 'assistant', content: '', refusal: 'No' },
        { role: 'assistant', audio: { id: 'audio_abc' } },
      ]),
    ).toEqual([
      { role: 'system', parts: [{ type: 'text', text: 'Be kind' }] },
      {
        role: 'user',
        name: 'ada',
        parts: [
          { type: 'text', text: 'Look' },
          { type: 'image', url: 'https://example.org/a.png', detail: 'low' },
          { type: 'image', url: 'data:image/png;base64,AAAA' },
          { type: 'audio', data: 'AAAA', format: 'wav' },
          { type: 'file', name: 'a.pdf', mediaType: 'application/pdf', data: 'AAAA' },
        ],
      },
      {
        role: 'assistant',
        parts: [
          { type: 'reasoning', text: 'hm' },
          { type: 'tool-call', callId: 'c1', name: 'look', arguments: '{' },
        ],
      },
      { role: 'tool', parts: [{ type: 'tool-result', callId: 'c1', result: 'Found', isError: false }] },
      {
        role: 'assistant',
        parts: [
          { type: 'text', text: '' },
          { type: 'refusal', text: 'No' },
        ],
      },
      { role: 'assistant', parts: [{ type: 'audio', data: '', format: '', id: 'audio_abc' }] },
    ])
  })

  it('pairs a legacy function call with its answer', () => {
    const [call, answer] = decodeMessages([
      { role: 'assistant', content: null, function_call: { name: 'look', arguments: '{}' } },
      { role: 'function', name: 'look', content: 'Found' },
    ])
    expect(call!.parts[0]).toMatchObject({ type: 'tool-call', callId: 'fc_look' })
    expect(answer!.parts[0]).toMatchObject({ type: 'tool-result', callId: 'fc_look', result: 'Found' })
  })

  it.each([
    [{ role: 'king', content: 'x' }, 'messages[0].role'],
    [{ role: 'user', content: 7 }, 'messages[0].content'],
    [{ role: 'user' }, 'messages[0].content'],
    [
      { role: 'user', content: [{ type: 'image_url', image_url: { url: 'file:///etc/passwd' } }] },
      'messages[0].content[0].image_url.url',
    ],
    [
      { role: 'user', content: [{ type: 'image_url', image_url: { url: 'javascript:alert(1)' } }] },
      'messages[0].content[0].image_url.url',
    ],
    [
      { role: 'user', content: [{ type: 'input_audio', input_audio: { data: '<>', format: 'wav' } }] },
      'messages[0].content[0].input_audio.data',
    ],
    [{ role: 'user', content: [{ type: 'video' }] }, 'messages[0].content[0].type'],
    [{ role: 'user', content: [{ type: 'refusal', refusal: 'No' }] }, 'messages[0].content[0].type'],
    [{ role: 'tool', tool_call_id: 'c', content: [text, image()] }, 'messages[0].content[1].type'],
    [{ role: 'function', name: 'f', content: [image()] }, 'messages[0].content[0].type'],
    [{ role: 'system', content: [image()] }, 'messages[0].content[0].type'],
    [{ role: 'assistant', content: [image()] }, 'messages[0].content[0].type'],
    [{ role: 'user', content: [image('huge')] }, 'messages[0].content[0].image_url.detail'],
    [{ role: 'user', content: [image('original')] }, 'messages[0].content[0].image_url.detail'],
    [{ role: 'user', content: [image(1)] }, 'messages[0].content[0].image_url.detail'],
    [{ role: 'user', content: [null] }, 'messages[0].content[0]'],
    [{ role: 'assistant' }, 'messages[0]'],
    [{ role: 'assistant', audio: 'audio_abc' }, 'messages[0].audio'],
    [{ role: 'assistant', audio: {} }, 'messages[0].audio.id'],
    [{ role: 'assistant', audio: { id: '' } }, 'messages[0].audio.id'],
    [
      { role: 'assistant', tool_calls: [{ id: 'c', function: { name: 'x' } }] },
      'messages[0].tool_calls[0].function.arguments',
    ],
    [{ role: 'tool', content: 'x' }, 'messages[0].tool_call_id'],
    [{ role: 'function', content: 'x' }, 'messages[0].name'],
  ])('refuses %j, naming %s', (message, field) => {
    expect(() => decodeMessages([message])).toThrow(refusal(field))
  })

  it.each(['auto', 'low', 'high', null])('knows the image detail %s', (detail) => {
    const [message] = decodeMessages([{ role: 'user', content: [image(detail)] }])
    expect(message!.parts[0]).toEqual({ type: 'image', url: 'https://example.org/a.png', ...(detail && { detail }) })
  })

  it('refuses a file by its id: there is nobody to ask for it', () => {
    const file = { file_id: 'file-abc', filename: 'a.pdf' }
    expect(() => decodeMessages([{ role: 'user', content: [{ type: 'file', file }] }])).toThrow(
      expect.objectContaining({ code: 'unsupported', details: { field: 'messages[0].content[0].file.file_id' } }),
    )
  })
})

const tool = { type: 'function', function: { name: 'f' } }

describe('decodeCompletion', () => {
  it('reads sampling under its older and newer names', () => {
    const decoded = decodeCompletion(
      body({
        temperature: 0,
        top_p: 1,
        top_k: 3,
        max_tokens: 5,
        max_completion_tokens: 9,
        stop: 'x',
        seed: 0,
        reasoning_effort: 'low',
      }),
    )
    expect(decoded.sampling).toEqual({
      temperature: 0,
      topP: 1,
      topK: 3,
      maxOutputTokens: 9,
      stop: ['x'],
      seed: 0,
      reasoningEffort: 'low',
    })
  })

  it('takes null for absent, everywhere', () => {
    const nothing = {
      temperature: null,
      tools: null,
      tool_choice: null,
      functions: null,
      response_format: null,
      stop: null,
      stream: null,
      n: null,
      metadata: null,
      user: null,
    }
    expect(decodeCompletion(body(nothing))).toEqual(decodeCompletion(body({})))
  })

  it('asks for the answer in one piece when it is not streamed', () => {
    expect(decodeCompletion(body({})).delivery).toBe('whole')
    expect(decodeCompletion(body({ stream: true, stream_options: { include_usage: true } }))).toMatchObject({
      delivery: 'stream',
      stream: true,
      includeUsage: true,
    })
  })

  it('reads what is to be called, under both names', () => {
    const named = { type: 'function', function: { name: 'f' } }
    expect(decodeCompletion(body({ tools: [tool], tool_choice: named })).toolChoice).toEqual({ name: 'f' })
    expect(decodeCompletion(body({ tools: [tool], tool_choice: 'required' })).toolChoice).toBe('required')
    expect(decodeCompletion(body({ tool_choice: 'auto' })).toolChoice).toBe('auto')
    expect(decodeCompletion(body({ tools: [], tool_choice: 'none' })).toolChoice).toBe('none')
    const legacy = body({ functions: [tool.function], function_call: { name: 'f' }, tools: [] })
    expect(decodeCompletion(legacy)).toMatchObject({ toolChoice: { name: 'f' }, tools: [{ name: 'f' }] })
  })

  it('says whether a model may call several tools at once, where that was said', () => {
    expect(decodeCompletion(body({ parallel_tool_calls: false }))).toMatchObject({ parallelToolCalls: false })
    expect(decodeCompletion(body({ parallel_tool_calls: null })).parallelToolCalls).toBeUndefined()
  })

  it('hands on what only the upstream understands, and nothing that it does not name', () => {
    const { providerOptions } = decodeCompletion(
      body({
        logit_bias: { 1: 2 },
        user: 'u',
        api_base: 'http://evil',
        base_url: 'http://evil',
      }),
    )
    expect(providerOptions).toEqual({ openai: { logit_bias: { 1: 2 }, user: 'u' } })
  })

  it.each([
    [{ n: 2 }, 'n', 'unsupported'],
    [{ tools: [{ type: 'retrieval' }] }, 'tools[0].type', 'unsupported'],
    [{ tools: [{ type: 'function' }] }, 'tools[0].function', 'invalid-request'],
    [{ tool_choice: 'perhaps' }, 'tool_choice', 'invalid-request'],
    [{ function_call: 'required' }, 'function_call', 'invalid-request'],
    [{ tools: [tool], functions: [tool.function] }, 'functions', 'invalid-request'],
    [{ functions: [tool.function], tool_choice: 'auto' }, 'tool_choice', 'invalid-request'],
    [{ tools: [tool], tool_choice: 'auto', function_call: 'none' }, 'function_call', 'invalid-request'],
    [{ function_call: { name: 'f' } }, 'function_call', 'invalid-request'],
    [{ response_format: { type: 'xml' } }, 'response_format.type', 'unsupported'],
    [{ response_format: { type: 'json_schema' } }, 'response_format.json_schema', 'invalid-request'],
  ])('refuses %j', (more, field, code) => {
    expect(() => decodeCompletion(body(more))).toThrow(refusal(field))
    expect(() => decodeCompletion(body(more))).toThrow(expect.objectContaining({ code }))
  })
})
