import { describe, expect, it } from 'vitest'
import { emptyTurn, reduce, type TurnEvent } from '#contracts/index.ts'
import { type Fields, whole } from '#doors/nodetool-socket/codec.ts'
import { type About, frameEncoder } from '#doors/nodetool-socket/encode.ts'
import { errorFrame } from '#doors/nodetool-socket/errors.ts'
import { type ErrorCode, errorCodes } from '#errors/index.ts'
import { envelopes, everyEvent, golden, turn } from './every-event.ts'

/** The frames that each event's samples become outside of a run; complete by its type. */
const expected: Record<TurnEvent['type'], string[]> = {
  'turn-start': ['chunk'],
  'turn-end': ['chunk', 'message', 'chunk', 'message', 'chunk', 'generation_stopped', 'error', 'chunk', 'message'],
  'model-start': [],
  'model-end': [],
  'part-start': [],
  'text-delta': ['chunk', 'chunk'],
  'reasoning-delta': ['chunk'],
  'refusal-delta': ['chunk'],
  'audio-delta': ['chunk'],
  'tool-input-delta': [],
  'part-end': [],
  'part-reset': ['chunk_reset', 'chunk_reset'],
  'tool-call': ['message', 'tool_call', 'message', 'tool_call'],
  'tool-result': ['message'],
  source: [],
  input: [],
  'context-trim': [],
  'memory-update': [],
  suggestion: [],
  retry: [],
  'iteration-start': [],
  thought: ['chunk', 'chunk'],
  reflection: [],
  'plan-update': ['planning_update'],
  'task-update': ['task_update'],
  'run-start': ['job_update'],
  'run-end': ['job_update', 'job_update'],
  'node-start': ['node_update'],
  'node-progress': ['node_progress'],
  'node-end': ['node_update', 'node_update'],
  'node-output': ['output_update'],
  'node-log': ['log_update'],
  'edge-update': ['edge_update'],
  'approval-request': [],
  'answer-request': [],
  'request-result': [],
}

const text = expect.any(String)
const number = expect.any(Number)
/** CONTRACTS §2.4 and §2.5: fields that a client may count on. */
const documented: Record<string, object> = {
  chunk: {
    node_id: null,
    thread_id: 'thread-1',
    workflow_id: null,
    content_type: expect.stringMatching(/^(text|audio)$/),
    content: text,
    content_metadata: expect.any(Object),
    done: expect.any(Boolean),
    thinking: expect.any(Boolean),
  },
  message: {
    id: text,
    thread_id: 'thread-1',
    role: expect.stringMatching(/^(assistant|tool)$/),
    model: 'sim',
    created_at: expect.stringMatching(/^\d{4}-.*Z$/),
  },
  tool_call: { tool_call_id: text, name: text, args: expect.any(Object), thread_id: 'thread-1' },
  error: { message: text, error_type: 'connection_error', thread_id: 'thread-1' },
  generation_stopped: { message: 'Generation stopped by user' },
  job_update: { status: expect.stringMatching(/^(running|completed|failed)$/), job_id: turn.id, workflow_id: null },
  node_update: { node_id: 'n1', node_name: 'Answer', node_type: 'ai_agent', status: text },
  node_progress: { node_id: 'n1', progress: 1, total: 2, chunk: '' },
  edge_update: { edge_id: 'e1', status: 'active', counter: 1 },
  output_update: {
    node_id: 'n1',
    node_name: 'Answer',
    output_name: 'text',
    value: 'x',
    output_type: 'string',
    metadata: {},
  },
  log_update: { node_id: 'n1', node_name: 'Answer', content: 'running', severity: 'info' },
  planning_update: { node_id: null, phase: 'planning', status: 'started', content: null },
  task_update: { task: { type: 'task', id: 't1' }, event: 'created' },
}

const about: About = { turnId: turn.id, model: 'sim', threadId: 'thread-1', workflowId: null, runsTools: true }
const state = envelopes().reduce((sum, { event }) => reduce(sum, event), emptyTurn)
const envelope = (event: TurnEvent, seq = 7, path: string[] = []) => ({
  turnId: turn.id,
  seq,
  at: turn.createdAt + 1500,
  audience: 'members' as const,
  path,
  event,
})
const framesOf = (events: TurnEvent[], more: Partial<About> = {}) => {
  const encode = frameEncoder({ ...about, ...more })
  return events.flatMap((event, index) => encode(envelope(event, index + 1), state).map(whole))
}
const types = (frames: Fields[]) => frames.map(({ type }) => type)

describe("the frames of NodeTool's socket", () => {
  it.each(Object.keys(everyEvent) as TurnEvent['type'][])('%s becomes what it should', (type) => {
    const frames = everyEvent[type].flatMap((event) => frameEncoder(about)(envelope(event), state).map(whole))
    expect(types(frames)).toEqual(expected[type])
    for (const frame of frames) {
      const runs = type === 'run-start' ? { workflow_id: 'flow-1' } : {}
      expect(frame).toMatchObject({ turn_id: turn.id, seq: number, ...documented[frame.type as string], ...runs })
    }
  })

  it('move the cursor with the last frame of an event only, so that none is lost between two', () => {
    for (const type of Object.keys(everyEvent) as TurnEvent['type'][])
      for (const event of everyEvent[type]) {
        const seqs = frameEncoder(about)(envelope(event), state).map((frame) => whole(frame).seq)
        expect(seqs, type).toEqual(seqs.map((_, index) => (index === seqs.length - 1 ? 7 : 6)))
      }
  })

  it('say what a tool is asked to whoever runs it, and its result to whoever does not know it', () => {
    const [clients, servers] = everyEvent['tool-call']
    const result = (callId: string, isError = false): TurnEvent => ({
      type: 'tool-result',
      callId,
      name: 'search',
      result: 'Found',
      isError,
    })
    const call = { tool_call_id: 'call_1', name: 'weather', args: { city: 'Oslo' }, side: 'client' }
    expect(framesOf([clients, result('call_1')])).toMatchObject([
      { type: 'message', role: 'assistant', tool_calls: [{ id: 'call_1', name: 'weather', result: null }] },
      { type: 'tool_call', ...call },
      { type: 'message', role: 'tool', tool_call_id: 'call_1', content: '"Found"' },
    ])
    expect(types(framesOf([clients, result('call_1')], { runsTools: false }))).toEqual(['message', 'message'])
    expect(framesOf([servers!, result('call_2', true)], { runsTools: false })).toMatchObject([
      { type: 'message', tool_calls: [{ id: 'call_2', args: { input: 'not json' } }] },
      { type: 'tool_call', tool_call_id: 'call_2', side: 'server' },
      { type: 'message', role: 'tool' },
      { type: 'tool_result', id: 'call_2', result: { name: 'search', result: 'Found' }, error: 'Found' },
    ])
  })

  it('of an answer end with it, its sources and what it cost', () => {
    const [end] = everyEvent['turn-end']
    const [closing, message] = framesOf([everyEvent['model-start'][0], end])
    expect(closing).toMatchObject({ done: true, content: '', usage: { total_tokens: 42 }, status: 'completed' })
    expect(message).toMatchObject({ role: 'assistant', provider: 'openai', tool_calls: null })
    expect(message!.content).toEqual([
      { type: 'text', text: 'HelloNo.' },
      { type: 'audio', audio: { type: 'audio', uri: 'data:audio/wav;base64,AAAA', metadata: { transcript: 'Hi' } } },
    ])
    expect(message!.sources).toEqual([
      {
        content: 'Quoted.',
        score: 0.5,
        metadata: { page: 3, source: 'A page', url: 'https://example.org/a' },
      },
      { content: 'Also quoted.', score: null, metadata: { source: 'a.txt' } },
    ])
  })

  it('of a failure keep what was said before it', () => {
    const failed = everyEvent['turn-end'][3]!
    const said = { ...emptyTurn, parts: [{ open: false, part: { type: 'text' as const, text: 'Half' } }] }
    const [error, , message] = frameEncoder(about)(envelope(failed), said).map(whole)
    expect(error).toMatchObject({ code: 'upstream-timeout', message: 'It took too long' })
    expect(message!.content).toBe('Half\n\nIt took too long')
  })

  it('of an error tell a status or that there was no connection, in our words, and never the inside of a defect', () => {
    for (const code of Object.keys(errorCodes) as ErrorCode[]) {
      const frame = errorFrame({ code, message: 'the reason', details: { field: 'session_id' }, retryAfterMs: 1500 })
      expect(frame).toMatchObject({ type: 'error', code, field: 'thread_id', retry_after: 2 })
      expect(frame.message).toBe(code === 'internal' ? 'Internal server error' : 'the reason')
      if (frame.error_type === 'connection_error') expect(frame).not.toHaveProperty('status_code')
      else expect(frame).toMatchObject({ error_type: 'http_status_error', status_code: errorCodes[code].status })
    }
  })

  it('are, byte for byte, the golden ones', async () => {
    const encode = frameEncoder(about)
    await expect(golden((one) => encode(one, state).map(whole))).toMatchFileSnapshot('golden/nodetool-socket.txt')
  })
})

describe('the frames of a run', () => {
  const answered: TurnEvent[] = [
    everyEvent['turn-start'][0],
    everyEvent['run-start'][0],
    everyEvent['node-start'][0],
    everyEvent['text-delta'][0],
    everyEvent['tool-call'][1]!,
    everyEvent['tool-result'][0],
    everyEvent['node-output'][0],
    everyEvent['node-end'][0],
    {
      ...everyEvent['run-end'][0],
      result: { text: 'x', picture: { type: 'image', uri: 'https://example.org/a.png' } },
    },
    everyEvent['turn-end'][0],
  ]

  it('all say which job and which workflow, by the name the client has for it', () => {
    const frames = framesOf(answered, { workflowId: 'my-flow' })
    expect(types(frames)).toEqual([
      'chunk',
      'job_update',
      'node_update',
      'chunk',
      'tool_call_update',
      'tool_call',
      'tool_result_update',
      'output_update',
      'node_update',
      'job_update',
      'chunk',
      'message',
    ])
    for (const frame of frames) expect(frame.workflow_id, String(frame.type)).toBe('my-flow')
    for (const frame of frames.filter(({ type }) => /_update$/.test(String(type))))
      expect(frame).toMatchObject({ job_id: turn.id, thread_id: 'thread-1' })
    expect(frames.at(-2)).toMatchObject({ done: true, job_id: turn.id })
  })

  it('end with a message made of what it gave out', () => {
    expect(framesOf(answered).at(-1)).toMatchObject({
      role: 'assistant',
      content: [
        { type: 'text', text: 'x' },
        { type: 'image_url', image: { type: 'image', uri: 'https://example.org/a.png' } },
      ],
    })
  })

  it('that failed end with an error and the closing chunk', () => {
    const frames = framesOf([everyEvent['run-start'][0], everyEvent['run-end'][1]!, everyEvent['turn-end'][3]!])
    expect(types(frames)).toEqual(['job_update', 'job_update', 'error', 'chunk'])
    expect(frames[1]).toMatchObject({ status: 'failed', error: 'It took too long', duration: 0.04 })
    expect(frames[2]).toMatchObject({ message: 'Error processing workflow: It took too long', job_id: turn.id })
  })

  it('name the node that nested work belongs to', () => {
    const encode = frameEncoder(about)
    const nested = (event: TurnEvent) => encode(envelope(event, 7, ['n1', 'agent']), state).map(whole)
    expect(nested(everyEvent['text-delta'][0])).toMatchObject([{ type: 'chunk', node_id: 'n1' }])
    expect(nested(everyEvent['tool-call'][1]!)[0]).toMatchObject({ type: 'tool_call_update', node_id: 'n1' })
    expect(nested(everyEvent['plan-update'][0])).toMatchObject([{ node_id: 'n1' }])
  })
})
