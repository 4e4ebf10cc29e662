import { type Envelope, noUsage, type TurnEvent } from '#contracts/index.ts'
import type { ErrorInfo } from '#errors/index.ts'

type EventOf<T extends TurnEvent['type']> = Extract<TurnEvent, { type: T }>
const broken: ErrorInfo = { code: 'upstream-timeout', message: 'It took too long' }
const usage = { ...noUsage, inputTokens: 30, outputTokens: 12, cachedInputTokens: 8, reasoningTokens: 2 }

/**
 * One or more of every event there is, in every shape that an encoder tells apart. The type makes it complete: an
 * event that is new to the union must be added here, and then to what each door is expected to make of it.
 */
export const everyEvent: { [T in TurnEvent['type']]: [EventOf<T>, ...EventOf<T>[]] } = {
  'turn-start': [{ type: 'turn-start', conversationId: 'conversation-1', appId: 'app-1', model: 'sim' }],
  'model-start': [{ type: 'model-start', step: 1, model: 'sim', upstream: 'openai' }],
  'part-start': [
    { type: 'part-start', part: 0, kind: 'reasoning' },
    { type: 'part-start', part: 1, kind: 'text' },
    { type: 'part-start', part: 2, kind: 'refusal' },
    { type: 'part-start', part: 3, kind: 'audio' },
    { type: 'part-start', part: 4, kind: 'tool-input', callId: 'call_1', name: 'weather', side: 'client' },
    { type: 'part-start', part: 5, kind: 'tool-input', callId: 'call_2', name: 'search', side: 'server' },
  ],
  'reasoning-delta': [{ type: 'reasoning-delta', part: 0, text: 'Hm. ' }],
  'text-delta': [
    { type: 'text-delta', part: 1, text: 'Hello "world"\n' },
    { type: 'text-delta', part: 1, text: '' },
    { type: 'text-delta', part: 1, text: '!', logprobs: [{ token: '!', logprob: -0.5 }] },
  ],
  'refusal-delta': [{ type: 'refusal-delta', part: 2, text: 'No.' }],
  'audio-delta': [
    { type: 'audio-delta', part: 3, text: 'AAAA', transcript: 'Hi', id: 'audio_1', expiresAt: 99, format: 'wav' },
  ],
  'tool-input-delta': [
    { type: 'tool-input-delta', part: 4, text: '{"city":"Oslo"}' },
    { type: 'tool-input-delta', part: 5, text: '{"q":1}' },
  ],
  'part-end': [
    { type: 'part-end', part: 0, signature: 'proof' },
    { type: 'part-end', part: 1 },
  ],
  'part-reset': [
    { type: 'part-reset', part: 1, kind: 'text', text: 'Hello' },
    { type: 'part-reset', part: 0, kind: 'reasoning', text: 'Hm.' },
  ],
  'tool-call': [
    { type: 'tool-call', part: 4, callId: 'call_1', name: 'weather', arguments: '{"city":"Oslo"}', side: 'client' },
    { type: 'tool-call', part: 5, callId: 'call_2', name: 'search', arguments: 'not json', side: 'server' },
  ],
  'tool-result': [{ type: 'tool-result', callId: 'call_2', name: 'search', result: 'Found', isError: false }],
  source: [
    {
      type: 'source',
      source: {
        id: 's1',
        title: 'A page',
        url: 'https://example.org/a',
        content: 'Quoted.',
        score: 0.5,
        metadata: { page: 3 },
      },
    },
    { type: 'source', source: { id: 's2', title: 'a.txt', content: 'Also quoted.' } },
  ],
  input: [{ type: 'input', parts: [{ type: 'text', text: 'Faster' }] }],
  'context-trim': [{ type: 'context-trim', strategy: 'truncate', originalTokens: 9000, trimmedTokens: 4000 }],
  'memory-update': [{ type: 'memory-update', memory: 'summary', messagesRetained: 4 }],
  suggestion: [{ type: 'suggestion', questions: ['And tomorrow?'] }],
  retry: [{ type: 'retry', error: broken, upstream: 'openai' }],
  'iteration-start': [{ type: 'iteration-start', iteration: 1, maxIterations: 5 }],
  thought: [
    { type: 'thought', content: 'I should look.' },
    { type: 'thought', content: 'First, the city.', step: 1 },
  ],
  reflection: [{ type: 'reflection', critique: 'Too long', refinement: 'Shorter' }],
  'plan-update': [{ type: 'plan-update', phase: 'planning', status: 'started' }],
  'task-update': [{ type: 'task-update', task: { id: 't1' }, event: 'created' }],
  'run-start': [{ type: 'run-start', runId: 'run-1', workflowId: 'flow-1' }],
  'run-end': [
    { type: 'run-end', runId: 'run-1', workflowId: 'flow-1', outcome: 'completed', durationMs: 40 },
    { type: 'run-end', runId: 'run-1', workflowId: 'flow-1', outcome: 'failed', durationMs: 40, error: broken },
  ],
  'node-start': [{ type: 'node-start', nodeId: 'n1', nodeType: 'ai_agent', nodeName: 'Answer' }],
  'node-progress': [{ type: 'node-progress', nodeId: 'n1', progress: 1, total: 2 }],
  'node-end': [
    {
      type: 'node-end',
      nodeId: 'n1',
      nodeType: 'ai_agent',
      nodeName: 'Answer',
      outcome: 'completed',
      output: { text: 'x' },
      durationMs: 12,
    },
    {
      type: 'node-end',
      nodeId: 'n1',
      nodeType: 'ai_agent',
      nodeName: 'Answer',
      outcome: 'failed',
      output: {},
      error: broken,
      durationMs: 12,
    },
  ],
  'node-output': [
    { type: 'node-output', nodeId: 'n1', nodeName: 'Answer', name: 'text', value: 'x', valueType: 'string' },
  ],
  'node-log': [{ type: 'node-log', nodeId: 'n1', nodeName: 'Answer', content: 'running', severity: 'info' }],
  'edge-update': [{ type: 'edge-update', edgeId: 'e1', status: 'active', counter: 1 }],
  'approval-request': [
    { type: 'approval-request', requestId: 'r1', callId: 'call_2', name: 'search', arguments: '{}' },
  ],
  'answer-request': [{ type: 'answer-request', requestId: 'r2', form: { fields: [] } }],
  'request-result': [{ type: 'request-result', requestId: 'r1', approved: true }],
  'model-end': [
    {
      type: 'model-end',
      step: 1,
      model: 'sim',
      upstream: 'openai',
      finishReason: 'stop',
      usage,
      costMicros: 1234,
      latencyMs: 250,
      responseId: 'resp_1',
    },
  ],
  'turn-end': [
    { type: 'turn-end', outcome: 'completed', finishReason: 'stop', usage, costMicros: 1234 },
    { type: 'turn-end', outcome: 'paused', finishReason: 'tool-calls', usage, costMicros: 1234 },
    { type: 'turn-end', outcome: 'cancelled', finishReason: 'cancelled', usage, costMicros: 1234 },
    { type: 'turn-end', outcome: 'failed', finishReason: 'error', error: broken, usage, costMicros: 1234 },
  ],
}

export const turn = { id: 'turn-1', model: 'sim', conversationId: 'conversation-1', createdAt: 1_700_000_000_000 }

/** The whole script in envelopes, ending with this turn-end. */
export function envelopes(end: EventOf<'turn-end'> = everyEvent['turn-end'][0]): Envelope[] {
  const events = Object.values(everyEvent).flatMap((samples): TurnEvent[] =>
    samples[0].type === 'turn-end' ? [end] : samples,
  )
  return events.map((event, index) => ({
    turnId: turn.id,
    seq: index + 1,
    at: turn.createdAt + index * 10,
    audience: 'members',
    path: [],
    event,
  }))
}

/** What an encoder makes of each sample, under the name of its event: a golden table. */
export function golden(encode: (envelope: Envelope) => unknown[]): string {
  const lines: string[] = []
  for (const envelope of envelopes()) {
    const frames = encode(envelope)
    lines.push(`# ${envelope.event.type}`)
    for (const frame of frames) lines.push(typeof frame === 'string' ? frame : JSON.stringify(frame))
  }
  return `${lines.join('\n')}\n`
}
