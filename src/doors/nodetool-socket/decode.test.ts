import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AppError } from '#errors/index.ts'
import type { Fields } from './codec.ts'
import { decodeFrame } from './decode.ts'
import { decodeMessage } from './decode-message.ts'
import { decodeManifest, requireTools } from './manifest.ts'

const refused = (act: () => unknown, code: string, field: string) => {
  let thrown: unknown
  try {
    act()
  } catch (error) {
    thrown = error
  }
  expect(thrown).toBeInstanceOf(AppError)
  expect(thrown).toMatchObject({ code, details: { field } })
}
const deep = (levels: number) => JSON.parse('['.repeat(levels) + ']'.repeat(levels))
const png = Buffer.from('89504e470d0a1a0a0000', 'hex')
const wav = Buffer.from('RIFF\0\0\0\0WAVEfmt ', 'latin1')

describe('a frame', () => {
  it.each<[object, object]>([
    [
      { command: 'stop', data: { job_id: 'j' } },
      { type: 'command', command: 'stop', data: { job_id: 'j' } },
    ],
    [
      { command: 7, type: 'ping' },
      { type: 'command', command: 7 },
    ],
    [{ type: 'ping' }, { type: 'ping' }],
    [{ type: 'pong', ts: 1 }, { type: 'pong' }],
    [{ type: 'stop' }, { type: 'stop' }],
    [
      { type: 'stop', thread_id: 't', turn_id: null },
      { type: 'stop', threadId: 't' },
    ],
    [
      { type: 'resume', turn_id: 'x' },
      { type: 'resume', turnId: 'x', after: 0 },
    ],
    [
      { type: 'resume', turn_id: 'x', after: 9 },
      { type: 'resume', turnId: 'x', after: 9 },
    ],
    [
      { type: 'steer', content: 'on' },
      { type: 'steer', parts: [{ type: 'text', text: 'on' }] },
    ],
    [
      { type: 'tool_result', tool_call_id: 'c', result: { a: [1] }, ok: true },
      { type: 'tool-result', callId: 'c', result: '{"a":[1]}', isError: false },
    ],
    [
      { type: 'tool_result', tool_call_id: 'c', result: null, ok: false, error: 'no such node' },
      { type: 'tool-result', callId: 'c', result: 'no such node', isError: true },
    ],
    [
      { type: 'tool_result', tool_call_id: 'c', turn_id: 't', result: { image: new Uint8Array([1, 2]) } },
      { type: 'tool-result', callId: 'c', turnId: 't', result: '{"image":"AQI="}', isError: false },
    ],
    [
      { type: 'tool_result', tool_call_id: 'c' },
      { type: 'tool-result', callId: 'c', result: 'null', isError: false },
    ],
    [
      { role: 'user', content: 'x' },
      { type: 'message', given: { role: 'user', content: 'x' } },
    ],
    [
      { type: 'anything', role: 'user' },
      { type: 'message', given: { type: 'anything', role: 'user' } },
    ],
    [{ type: 'message' }, { type: 'message', given: { type: 'message' } }],
    [{ content: 'x' }, { type: 'unknown' }],
    [{}, { type: 'unknown' }],
  ])('%j is what it asks for', (frame, asked) => expect(decodeFrame(frame as Fields)).toEqual(asked))

  it.each<[object, string]>([
    [{ type: 'exec' }, 'type'],
    [{ type: 1 }, 'type'],
    [{ type: null }, 'type'],
    [{ type: 'resume' }, 'turn_id'],
    [{ type: 'resume', turn_id: 7 }, 'turn_id'],
    [{ type: 'resume', turn_id: 'x', after: -1 }, 'after'],
    [{ type: 'resume', turn_id: 'x', after: '1' }, 'after'],
    [{ type: 'resume', turn_id: 'x', after: 1.5 }, 'after'],
    [{ type: 'stop', thread_id: [] }, 'thread_id'],
    [{ type: 'stop', turn_id: 'a\0' }, 'turn_id'],
    [{ type: 'steer', turn_id: 'x' }, 'content'],
    [{ type: 'steer', content: 7 }, 'content'],
    [{ type: 'tool_result', result: 1 }, 'tool_call_id'],
    [{ type: 'client_tools_manifest', tools: {} }, 'tools'],
  ])('%j is refused', (frame, field) => refused(() => decodeFrame(frame as Fields), 'invalid-request', field))
})

describe('a message', () => {
  const said = (more: object) => decodeMessage({ role: 'user', content: 'Hello', ...more })

  it('may be as short as this', () => {
    expect(said({})).toMatchObject({ parts: [{ type: 'text', text: 'Hello' }], tools: [] })
    expect(Object.keys(said({})).sort()).toEqual(['given', 'inputNames', 'parts', 'tools'])
  })

  it('may bring all that a Python client does, nulls and defaults included', () => {
    const full = {
      type: 'message',
      id: '',
      auth_token: '',
      user_id: '',
      name: '',
      tool_call_id: null,
      tool_calls: null,
      thread_id: 't1',
      workflow_id: null,
      graph: null,
      tools: [],
      collections: null,
      input_files: null,
      output_files: null,
      created_at: null,
      provider: 'openai',
      model: 'gpt-4o',
      agent_mode: false,
      help_mode: null,
      workflow_target: null,
      timestamp: '2026-01-01T00:00:00',
    }
    expect(said(full)).toMatchObject({ threadId: 't1', provider: 'openai', model: 'gpt-4o' })
    expect(said(full)).not.toHaveProperty('workflowId')
    expect(said(full)).not.toHaveProperty('name')
  })

  it('names a workflow and its inputs', () => {
    expect(said({ workflow_id: 'w' })).toMatchObject({
      workflowId: 'w',
      inputNames: { message: 'message', messages: 'messages' },
    })
    const named = { workflow_message_input_name: 'm', workflow_messages_input_name: 'all' }
    expect(said({ workflow_id: 'w', workflow_target: 'workflow', ...named })).toMatchObject({
      inputNames: { message: 'm', messages: 'all' },
    })
  })

  it('takes tools by name and as objects', () => {
    expect(said({ tools: ['a', { name: 'b', description: 'x' }] }).tools).toEqual(['a', 'b'])
  })

  it.each<[string, unknown, object]>([
    ['one part', { type: 'text', text: 'x' }, { type: 'text', text: 'x' }],
    [
      'an image by URL',
      [{ type: 'image_url', image: { type: 'image', uri: 'https://example.org/a.png', data: null } }],
      { type: 'image', url: 'https://example.org/a.png' },
    ],
    [
      'an image as bytes',
      [{ type: 'image_url', image: { type: 'image', uri: '', data: new Uint8Array(png) } }],
      { type: 'image', url: `data:image/png;base64,${png.toString('base64')}` },
    ],
    [
      'an image as base64 that says what it is',
      [{ type: 'image_url', image: { data: 'AAAA', metadata: { mime_type: 'image/avif' } } }],
      { type: 'image', url: 'data:image/avif;base64,AAAA' },
    ],
    [
      'an image as data: URL',
      [{ type: 'image_url', image: { uri: 'data:image/gif;base64,R0lGODlh' } }],
      { type: 'image', url: 'data:image/gif;base64,R0lGODlh' },
    ],
    [
      'audio as bytes',
      [{ type: 'audio', audio: { data: new Uint8Array(wav) } }],
      { type: 'audio', format: 'wav', data: wav.toString('base64') },
    ],
    [
      'audio as data: URL',
      [{ type: 'audio', audio: { uri: 'data:audio/mpeg;base64,AAAA' } }],
      { type: 'audio', format: 'mp3', data: 'AAAA' },
    ],
    [
      'a document by URL',
      [{ type: 'document', document: { uri: 'https://example.org/files/plan.pdf?x=1' } }],
      { type: 'file', name: 'plan.pdf', mediaType: 'application/pdf', url: 'https://example.org/files/plan.pdf?x=1' },
    ],
    [
      'a document as base64',
      [{ type: 'document', document: { data: 'JVBERi0xLjc=', metadata: { name: 'a' } } }],
      { type: 'file', name: 'a', mediaType: 'application/pdf', data: 'JVBERi0xLjc=' },
    ],
  ])('has %s', (_, content, part) => expect(said({ content }).parts).toEqual([part]))

  it('has files beside its content', () => {
    const input_files = [
      { type: 'file', content: new Uint8Array(Buffer.from('hi')), mime_type: 'text/plain' },
      { type: 'file', content: png.toString('base64'), mime_type: 'image/png' },
    ]
    expect(said({ content: '', input_files }).parts).toEqual([
      { type: 'file', name: 'file', mediaType: 'text/plain', data: 'aGk=' },
      { type: 'image', url: `data:image/png;base64,${png.toString('base64')}` },
    ])
  })

  const part = (given: object) => ({ content: [{ type: 'text', text: 'x' }, given] })
  it.each<[string, object, string]>([
    ['no role', { role: undefined }, 'role'],
    ['another’s role', { role: 'assistant' }, 'role'],
    ['no content', { content: null }, 'content'],
    ['empty content', { content: ' ' }, 'content'],
    ['no parts', { content: [] }, 'content'],
    ['a number as content', { content: 7 }, 'content'],
    ['257 parts', { content: Array.from({ length: 257 }, () => ({ type: 'text', text: 'x' })) }, 'content'],
    ['a part that is text', { content: ['x'] }, 'content[0]'],
    ['a part of no kind', part({ type: 'hologram' }), 'content[1].type'],
    ['text that is none', part({ type: 'text', text: 7 }), 'content[1].text'],
    ['an image without image', part({ type: 'image_url' }), 'content[1].image'],
    ['an empty image', part({ type: 'image_url', image: { uri: '' } }), 'content[1].image.uri'],
    ['a URL that is none', part({ type: 'image_url', image: { uri: 'http://' } }), 'content[1].image.uri'],
    ['data: without base64', part({ type: 'image_url', image: { uri: 'data:,x' } }), 'content[1].image.uri'],
    ['data that is no base64', part({ type: 'image_url', image: { data: '<x>' } }), 'content[1].image.data'],
    ['a file without content', { input_files: [{ mime_type: 'text/plain' }] }, 'input_files[0].content'],
    ['17 files', { input_files: Array.from({ length: 17 }, () => ({ content: '' })) }, 'input_files'],
    ['tools as an object', { tools: { a: 1 } }, 'tools'],
    ['a nameless tool', { tools: [{}] }, 'tools[0]'],
    ['model 7', { model: 7 }, 'model'],
    ['a model of 256 characters', { model: 'x'.repeat(256) }, 'model'],
    ['a thread with NUL', { thread_id: 'a\0b' }, 'thread_id'],
    ['a thread with half a character', { thread_id: '\ud800' }, 'thread_id'],
    ['collections as text', { collections: 'all' }, 'collections'],
    ['an unknown target', { workflow_target: 'mars' }, 'workflow_target'],
    ['a target without workflow', { workflow_target: 'workflow' }, 'workflow_id'],
  ])('with %s is refused', (_, more, field) => refused(() => said(more), 'invalid-request', field))

  it.each<[string, object, string]>([
    ['agent_mode', { agent_mode: true }, 'agent_mode'],
    ['agent_mode as text', { agent_mode: 'yes' }, 'agent_mode'],
    ['help_mode', { help_mode: true }, 'help_mode'],
    ['collections', { collections: ['docs'] }, 'collections'],
    ['a graph', { graph: { nodes: [], edges: [] } }, 'graph'],
    ['video', part({ type: 'video', video: { uri: 'https://example.org/a.mp4' } }), 'content[1].video'],
    ['a thought', part({ type: 'thought', text: 'x' }), 'content[1].type'],
    ['a stored asset', part({ type: 'image_url', image: { asset_id: 'a1' } }), 'content[1].image.asset_id'],
    ['asset://', part({ type: 'image_url', image: { uri: 'asset://a1' } }), 'content[1].image.uri'],
    ['memory://', part({ type: 'document', document: { uri: 'memory://1' } }), 'content[1].document.uri'],
    ['file://', part({ type: 'document', document: { uri: 'file:///etc/passwd' } }), 'content[1].document.uri'],
    ['javascript:', part({ type: 'image_url', image: { uri: 'javascript:alert(1)' } }), 'content[1].image.uri'],
    ['audio to be fetched', part({ type: 'audio', audio: { uri: 'https://e.org/a.mp3' } }), 'content[1].audio.uri'],
    ['an image of no kind', part({ type: 'image_url', image: { data: 'AAAA' } }), 'content[1].image.data'],
    ['audio of no kind', part({ type: 'audio', audio: { data: 'AAAA' } }), 'content[1].audio.data'],
    ['a video file', { input_files: [{ content: '', mime_type: 'video/mp4' }] }, 'input_files[0].mime_type'],
  ])('with %s is unsupported', (_, more, field) => refused(() => said(more), 'unsupported', field))

  it('of any shape is read, or refused naming a field', () =>
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...fields), anything), (given) => {
        try {
          decodeMessage({ role: 'user', content: 'x', ...given })
          decodeFrame({ role: 'user', ...given })
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(AppError)
          expect(['invalid-request', 'unsupported']).toContain((thrown as AppError).code)
          expect((thrown as AppError).details?.field).toBeTypeOf('string')
        }
      }),
      { numRuns: 1_000 },
    ))
})

const fields =
  'type content thread_id workflow_id model provider tools collections graph name input_files agent_mode help_mode workflow_target tool_call_id turn_id result ok'.split(
    ' ',
  )
const asset = fc.record(
  {
    type: fc.constantFrom('text', 'image_url', 'audio', 'video', 'document', 'thought', 7),
    text: fc.anything(),
    uri: fc.oneof(fc.webUrl(), fc.string(), fc.constantFrom('data:', 'asset://x', 'data:x;base64,AA')),
    data: fc.oneof(fc.uint8Array(), fc.base64String(), fc.anything()),
    metadata: fc.anything(),
    name: fc.anything(),
    mime_type: fc.oneof(fc.constantFrom('image/png', 'audio/wav', 'x'), fc.anything()),
    content: fc.oneof(fc.uint8Array(), fc.anything()),
  },
  { requiredKeys: [] },
)
const parts = asset.map((one) => ({ ...one, image: one, audio: one, document: one, video: one }))
const anything = fc.oneof(
  fc.anything({ withBigInt: false }),
  fc.array(parts, { maxLength: 3 }),
  fc.constantFrom('stop', 'resume', 'steer', 'tool_result', 'client_tools_manifest', 'message', 'workflow', true),
)

describe('a manifest of tools', () => {
  const tool = (more: object = {}) => ({
    name: 'ui_open',
    description: 'Opens',
    parameters: { type: 'object' },
    ...more,
  })

  it('becomes tools that the client runs; of two with one name the later', () => {
    const tools = decodeManifest({ tools: [tool(), { name: 'b' }, tool({ description: 'Opens it' })] })
    expect([...tools.values()]).toEqual([
      { name: 'ui_open', description: 'Opens it', parameters: { type: 'object' }, side: 'client' },
      { name: 'b', side: 'client' },
    ])
    expect(decodeManifest({}).size).toBe(0)
  })

  it.each<[string, unknown, string]>([
    ['129 tools', Array.from({ length: 129 }, (_, n) => ({ name: `t${n}` })), 'tools'],
    ['text', ['x'], 'tools[0]'],
    ['no name', [tool(), {}], 'tools[1].name'],
    ['a name of 65', [{ name: 'x'.repeat(65) }], 'tools[0].name'],
    ['a name with a space', [{ name: 'a b' }], 'tools[0].name'],
    ['a name that is a path', [{ name: '../x' }], 'tools[0].name'],
    ['a description that is none', [tool({ description: {} })], 'tools[0].description'],
    ['a book as description', [tool({ description: 'x'.repeat(16_385) })], 'tools[0].description'],
    ['parameters that are a list', [tool({ parameters: [] })], 'tools[0].parameters'],
    ['parameters 30 deep', [tool({ parameters: { a: deep(30) } })], 'tools[0].parameters'],
    ['much', Array.from({ length: 100 }, (_, n) => tool({ name: `t${n}`, description: 'x'.repeat(4000) })), 'tools'],
  ])('with %s is refused', (_, tools, field) => refused(() => decodeManifest({ tools }), 'invalid-request', field))

  it('has the tools that a message names, or the message is refused', () => {
    const tools = decodeManifest({ tools: [tool()] })
    expect(() => requireTools(['ui_open'], tools)).not.toThrow()
    refused(() => requireTools(['ui_open', 'web_search'], tools), 'not-found', 'tools[1]')
  })
})
