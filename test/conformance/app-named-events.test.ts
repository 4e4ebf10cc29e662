import { describe, expect, it } from 'vitest'
import type { TurnEvent } from '#contracts/index.ts'
import { namedEvents, sessionEvents } from '#doors/app/named-events.ts'
import { everyEvent, golden, turn } from './every-event.ts'

type Fields = Record<string, 'string' | 'number' | 'object' | 'array' | 'null'>

/** CONTRACTS §1.6, word for word: the 19, with their fields. */
const documented: Record<string, Fields> = {
  workflow_start: { workflow_id: 'string', execution_id: 'string' },
  workflow_end: { execution_id: 'string', duration_ms: 'number' },
  workflow_error: { execution_id: 'string', error: 'string' },
  node_start: { node_id: 'string', node_type: 'string', node_name: 'string' },
  node_end: { node_id: 'string', output: 'object', duration_ms: 'number' },
  node_error: { node_id: 'string', error: 'string' },
  agent_iteration: { iteration: 'number', max_iterations: 'number' },
  agent_tool_call: { tool_name: 'string', arguments: 'object' },
  agent_tool_result: { tool_name: 'string', result: 'string' },
  agent_reflection: { critique: 'string', refinement: 'string' },
  agent_thinking: { content: 'string' },
  cot_step: { step: 'number', thought: 'string' },
  token_usage: { prompt_tokens: 'number', completion_tokens: 'number', total_tokens: 'number' },
  cost_update: { cost_usd: 'number', model: 'string' },
  context_trimmed: { original_tokens: 'number', trimmed_tokens: 'number' },
  llm_call_start: { model: 'string', provider: 'string' },
  llm_call_end: { model: 'string', latency_ms: 'number' },
  memory_update: { type: 'string', messages_retained: 'number' },
  error: { code: 'string', message: 'string' },
}

/** The four that every example stream carries besides. */
const besides: Record<string, Fields> = {
  message_start: { conversation_id: 'string', message_id: 'string' },
  text_chunk: { content: 'string' },
  suggested_questions: { questions: 'array' },
  done: {},
}

/** What each event becomes on this door; complete by its type. */
const expected: Record<TurnEvent['type'], string[]> = {
  'turn-start': [],
  'turn-end': ['error', 'error'],
  'model-start': ['llm_call_start'],
  'model-end': ['llm_call_end', 'token_usage', 'cost_update'],
  'part-start': [],
  'text-delta': [],
  'reasoning-delta': ['agent_thinking'],
  'refusal-delta': [],
  'audio-delta': [],
  'tool-input-delta': [],
  'part-end': [],
  'part-reset': [],
  'tool-call': ['agent_tool_call', 'agent_tool_call'],
  'tool-result': ['agent_tool_result'],
  source: [],
  input: [],
  'context-trim': ['context_trimmed'],
  'memory-update': ['memory_update'],
  suggestion: [],
  retry: ['error'],
  'iteration-start': ['agent_iteration'],
  thought: ['agent_thinking', 'cot_step'],
  reflection: ['agent_reflection'],
  'plan-update': [],
  'task-update': [],
  'run-start': ['workflow_start'],
  'run-end': ['workflow_end', 'workflow_error'],
  'node-start': ['node_start'],
  'node-progress': [],
  'node-end': ['node_end', 'node_error'],
  'node-output': [],
  'node-log': [],
  'edge-update': [],
  'approval-request': [],
  'answer-request': [],
  'request-result': [],
}

/** Where the session form says more, because its text travels in named events too. */
const expectedInSessions: Partial<Record<TurnEvent['type'], string[]>> = {
  'turn-start': ['message_start'],
  'turn-end': ['done', 'done', 'error', 'done', 'error', 'done'],
  'text-delta': ['text_chunk', 'text_chunk'],
  'refusal-delta': ['text_chunk'],
  'part-reset': ['text_chunk'],
  suggestion: ['suggested_questions'],
}

const eventTypes = Object.keys(everyEvent) as TurnEvent['type'][]
const of = (type: TurnEvent['type'], encode: typeof namedEvents) =>
  everyEvent[type].flatMap((event) => encode({ turnId: turn.id, event }))

function kindOf(value: unknown): string {
  return value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value
}

describe('the named events of the application API', () => {
  it.each(eventTypes)('%s becomes what it should', (type) => {
    expect(of(type, namedEvents).map(({ event }) => event)).toEqual(expected[type])
    expect(of(type, sessionEvents).map(({ event }) => event)).toEqual(expectedInSessions[type] ?? expected[type])
  })

  it('are the 19 of the document, each made of some event, and no others', () => {
    const made = new Set(eventTypes.flatMap((type) => of(type, namedEvents).map(({ event }) => event)))
    expect([...made].sort()).toEqual(Object.keys(documented).sort())
    expect(made.size).toBe(19)
  })

  it('have exactly the documented fields', () => {
    for (const type of eventTypes)
      for (const { event, data } of of(type, namedEvents))
        expect(Object.fromEntries(Object.entries(data).map(([name, value]) => [name, kindOf(value)])), event).toEqual(
          documented[event],
        )
  })

  it('of a session add the four of the examples, with their fields', () => {
    const made = eventTypes.flatMap((type) => of(type, sessionEvents))
    expect(new Set(made.map(({ event }) => event))).toEqual(
      new Set([...Object.keys(documented), ...Object.keys(besides)]),
    )
    for (const { event, data } of made) {
      const fields = besides[event]
      if (!fields) continue
      const kinds = Object.fromEntries(Object.entries(data).map(([name, value]) => [name, kindOf(value)]))
      expect(kinds, event).toMatchObject(fields)
      // A reset says so; nothing else is ever added.
      delete kinds.reset
      expect(kinds, event).toEqual(fields)
    }
  })

  it('are, byte for byte, the golden ones', async () => {
    await expect(golden(namedEvents)).toMatchFileSnapshot('golden/app-named-events.txt')
    await expect(golden(sessionEvents)).toMatchFileSnapshot('golden/app-session-events.txt')
  })
})
