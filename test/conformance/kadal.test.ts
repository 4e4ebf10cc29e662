import { describe, expect, it } from 'vitest'
import type { TurnEvent } from '#contracts/index.ts'
import { answerLine, historyRow, lineEncoder } from '#doors/kadal/encode.ts'
import { failureLine } from '#doors/kadal/errors.ts'
import { type ErrorCode, errorCodes } from '#errors/index.ts'
import { shortId } from '#lib/short-id.ts'
import { everyEvent, golden } from './every-event.ts'

const turn = { id: '01a1feaa-11eb-7001-8e8c-e31c90d4711d' }
const id = shortId(turn.id)

/** The finish reasons that each event's samples become; complete by its type. */
const expected: Record<TurnEvent['type'], string[]> = {
  'turn-start': [],
  // The last of them failed.
  'turn-end': ['stop', 'stop', 'error', 'error'],
  'model-start': [],
  'model-end': [],
  'part-start': [],
  'text-delta': ['streaming', 'streaming'],
  'reasoning-delta': [],
  'refusal-delta': ['streaming'],
  'audio-delta': [],
  'tool-input-delta': [],
  'part-end': [],
  'part-reset': ['streaming'],
  'tool-call': [],
  'tool-result': [],
  source: [],
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

describe('the lines of Kadal’s stream', () => {
  it.each(Object.keys(everyEvent) as TurnEvent['type'][])('%s becomes what it should', (type) => {
    const encode = lineEncoder(turn)
    const lines = everyEvent[type].flatMap((event) => encode(event)) as Record<string, unknown>[]
    expect(lines.map((line) => line.finish_reason)).toEqual(expected[type])
    for (const line of lines) {
      expect(line).toMatchObject({ message: expect.any(String), session_id: null, query_response_id: id })
      expect(line.query_response_id).toMatch(/^[0-9a-f]{24}$/)
      if (line.finish_reason !== 'error') expect(Object.keys(line)).toEqual(Object.keys(answerLine(id, '', 'stop')))
    }
  })

  it('end with # when all went well, and never when it did not', () => {
    const encode = lineEncoder(turn)
    const [completed, paused, cancelled, failed] = everyEvent['turn-end'].map((event) => encode(event))
    for (const lines of [completed, paused]) expect(lines).toEqual([answerLine(id, '#', 'stop')])
    expect(cancelled).toMatchObject([{ status_code: 499, error: 'CANCELLED_ERROR', finish_reason: 'error' }])
    expect(failed).toMatchObject([{ status_code: 504, error: 'UPSTREAM_ERROR', message: 'It took too long' }])
  })

  it('tell of a failure what the document has a word for without ids, and never the inside of a defect', () => {
    for (const code of Object.keys(errorCodes) as ErrorCode[]) {
      const line = failureLine({ code, message: 'the reason' }, id) as Record<string, unknown>
      if (code === 'context-too-long' || code === 'content-blocked') {
        expect(Object.keys(line)).toEqual(['status_code', 'message', 'finish_reason'])
        expect(line.status_code).toBe(200)
        continue
      }
      expect(line).toMatchObject({
        status_code: errorCodes[code].status,
        message: code === 'internal' ? 'Internal server error' : 'the reason',
        finish_reason: 'error',
        error: expect.stringMatching(/^[A-Z_]+_ERROR$/),
      })
    }
    expect(failureLine({ code: 'context-too-long', message: '' }, id)).toMatchObject({
      finish_reason: 'input_exceeded_context_window',
      message: expect.stringContaining('smaller file'),
    })
    expect(failureLine({ code: 'content-blocked', message: 'Refused.' }, id)).toMatchObject({
      finish_reason: 'guardrail_hit',
      message: 'Refused.',
    })
  })

  it('are, byte for byte, the golden ones', async () => {
    const encode = lineEncoder(turn)
    await expect(golden(({ event }) => encode(event))).toMatchFileSnapshot('golden/kadal-lines.txt')
  })
})

it('a row of the history has the fields of the document, and no others', () => {
  const app = { publicId: 'app-1', name: 'Bot', workspace: { id: 1, publicId: 'workspace-1' } }
  const entry = {
    turnId: turn.id,
    userId: 'user-1',
    objectId: null,
    externalUserId: null,
    question: 'Hi',
    answer: 'Hello',
    isVisitors: false,
    isCleared: false,
    isPositive: null,
    createdAt: Date.UTC(2025, 11, 22, 12, 37, 42, 985),
    endedAt: Date.UTC(2025, 11, 22, 12, 37, 43),
  }
  expect(historyRow(entry, app)).toStrictEqual({
    _id: id,
    tenant_id: 'workspace-1',
    user_id: 'user-1',
    object_id: null,
    user_query: 'Hi',
    bot_response: 'Hello',
    chat_bot_id: 'app-1',
    user_type: 'internal',
    is_cleared: 0,
    creation_time: '2025-12-22T12:37:42.985Z',
    response_time: '2025-12-22T12:37:43.000Z',
    metadata: { category: 'chat' },
    is_positive: null,
    query_response_id: id,
    chat_bot_name: 'Bot',
  })
  const event = { category: 'event', type: 'tool' }
  expect(
    historyRow({ ...entry, isVisitors: true, isCleared: true, isPositive: false, objectId: 'o', event }, app),
  ).toMatchObject({ user_type: 'external', is_cleared: 1, is_positive: false, object_id: 'o', metadata: event })
})
