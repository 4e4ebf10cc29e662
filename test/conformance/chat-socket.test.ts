import { describe, expect, it } from 'vitest'
import { emptyTurn, reduce, type TurnEvent } from '#contracts/index.ts'
import { errorFrame, frameEncoder } from '#doors/chat-socket/frames.ts'
import { type ErrorCode, errorCodes } from '#errors/index.ts'
import { envelopes, everyEvent, golden, turn } from './every-event.ts'

/** The frames that each event's samples become; complete by its type. */
const expected: Record<TurnEvent['type'], string[]> = {
  'turn-start': ['response_start'],
  'turn-end': ['response_end', 'response_end', 'response_end', 'error'],
  'model-start': [],
  'model-end': [],
  'part-start': [],
  'text-delta': ['text-delta', 'text-delta'],
  'reasoning-delta': ['thinking'],
  'refusal-delta': ['text-delta'],
  'audio-delta': [],
  'tool-input-delta': [],
  'part-end': [],
  'part-reset': ['text-reset', 'thinking-reset'],
  'tool-call': ['tool_call', 'tool_call'],
  'tool-result': ['tool_result'],
  source: ['sources', 'sources'],
  input: [],
  'context-trim': [],
  'memory-update': [],
  suggestion: [],
  retry: [],
  'iteration-start': [],
  thought: [],
  reflection: [],
  'plan-update': [],
  'task-update': [],
  'run-start': [],
  'run-end': [],
  'node-start': [],
  'node-progress': [],
  'node-end': [],
  'node-output': [],
  'node-log': [],
  'edge-update': [],
  'approval-request': [],
  'answer-request': [],
  'request-result': [],
}

const state = envelopes().reduce((sum, { event }) => reduce(sum, event), emptyTurn)

/** CONTRACTS §1.7: fields that a client may count on. */
const documented: Record<string, object> = {
  response_start: { message_id: expect.any(String), timestamp: expect.any(String) },
  'text-delta': { text: expect.any(String), index: expect.any(Number), timestamp: expect.any(String) },
  sources: {
    sources: [
      {
        content: expect.any(String),
        score: expect.toSatisfy((score: unknown) => score === null || typeof score === 'number'),
        metadata: expect.objectContaining({ source: expect.any(String) }),
      },
    ],
    timestamp: expect.any(String),
  },
  response_end: {
    full_response: expect.any(String),
    tokens_used: 42,
    response_time: expect.any(Number),
    timestamp: expect.any(String),
  },
  error: { message: expect.any(String), code: 'timeout', data: { message: expect.any(String), code: 'timeout' } },
}

describe('the frames of the chat socket', () => {
  it.each(Object.keys(everyEvent) as TurnEvent['type'][])('%s becomes what it should', (type) => {
    const encode = frameEncoder(turn)
    const frames = everyEvent[type].flatMap((event) =>
      encode({ turnId: turn.id, seq: 7, at: turn.createdAt + 1500, audience: 'members', path: [], event }, state),
    )
    expect(frames.map((frame) => frame.type)).toEqual(expected[type])
    for (const frame of frames) {
      expect(frame).toMatchObject({ turn_id: turn.id, seq: 7 })
      expect(frame).toMatchObject(documented[frame.type] ?? {})
    }
  })

  it('count text deltas from 0', () => {
    const encode = frameEncoder(turn)
    const frames = envelopes().flatMap((envelope) => encode(envelope, state))
    const indices = frames.flatMap((frame) => ('index' in frame ? [frame.index] : []))
    expect(indices).toEqual(indices.map((_, index) => index))
  })

  it('tell how long it took in seconds', () => {
    const end = {
      turnId: turn.id,
      seq: 9,
      at: turn.createdAt + 1500,
      audience: 'members' as const,
      path: [],
      event: everyEvent['turn-end'][0],
    }
    expect(frameEncoder(turn)(end, state)[0]).toMatchObject({ response_time: 1.5 })
  })

  it('of an error tell message and code at the top and in data, and never the inside of a defect', () => {
    for (const code of Object.keys(errorCodes) as ErrorCode[]) {
      const frame = errorFrame({ code, message: 'the reason' })
      expect(frame.data).toEqual({ message: frame.message, code: frame.code })
      expect(frame.code).toMatch(/^[a-z_]+$/)
      expect(frame.message).toBe(code === 'internal' ? 'Internal server error' : 'the reason')
    }
  })

  it('are, byte for byte, the golden ones', async () => {
    const encode = frameEncoder(turn)
    await expect(golden((envelope) => encode(envelope, state))).toMatchFileSnapshot('golden/chat-socket.txt')
  })
})
