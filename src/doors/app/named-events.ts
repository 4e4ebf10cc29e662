import type { Envelope, TurnEvent } from '#contracts/index.ts'
import { failureOf } from '../gate/index.ts'
import { streamError } from './errors.ts'

/** A named server-sent event of CONTRACTS §1.6: the 19, and the four that its examples carry besides. */
export interface NamedEvent {
  event: string
  data: object
}

/** Turn events → named events; a pure function, one event may become several or none. */
export function namedEvents(envelope: Pick<Envelope, 'turnId' | 'event'>): NamedEvent[] {
  const { event } = envelope
  switch (event.type) {
    case 'run-start':
      return [named('workflow_start', { workflow_id: event.workflowId, execution_id: event.runId })]
    case 'run-end':
      return event.error
        ? [named('workflow_error', { execution_id: event.runId, error: event.error.message })]
        : [named('workflow_end', { execution_id: event.runId, duration_ms: event.durationMs })]
    case 'node-start':
      return [named('node_start', { node_id: event.nodeId, node_type: event.nodeType, node_name: event.nodeName })]
    case 'node-end':
      return event.error
        ? [named('node_error', { node_id: event.nodeId, error: event.error.message })]
        : [named('node_end', { node_id: event.nodeId, output: event.output, duration_ms: event.durationMs })]
    case 'iteration-start':
      return [named('agent_iteration', { iteration: event.iteration, max_iterations: event.maxIterations })]
    case 'tool-call':
      return [named('agent_tool_call', { tool_name: event.name, arguments: objectOf(event.arguments) })]
    case 'tool-result':
      return [named('agent_tool_result', { tool_name: event.name, result: event.result })]
    case 'reflection':
      return [named('agent_reflection', { critique: event.critique, refinement: event.refinement })]
    case 'thought':
      return event.step === undefined
        ? [named('agent_thinking', { content: event.content })]
        : [named('cot_step', { step: event.step, thought: event.content })]
    case 'reasoning-delta':
      return [named('agent_thinking', { content: event.text })]
    case 'model-start':
      return [named('llm_call_start', { model: event.model, provider: event.upstream })]
    case 'model-end':
      return modelEnd(event)
    case 'context-trim':
      return [named('context_trimmed', { original_tokens: event.originalTokens, trimmed_tokens: event.trimmedTokens })]
    case 'memory-update':
      return [named('memory_update', { type: event.memory, messages_retained: event.messagesRetained })]
    case 'retry':
      return [named('error', streamError(event.error))]
    case 'turn-end': {
      const failure = failureOf(event)
      return failure ? [named('error', streamError(failure))] : []
    }
    default:
      return []
  }
}

/** The events of the session form, which carries its text in named events too. */
export function sessionEvents(envelope: Pick<Envelope, 'turnId' | 'event'>): NamedEvent[] {
  const { event } = envelope
  switch (event.type) {
    case 'turn-start':
      return [named('message_start', { conversation_id: event.conversationId ?? null, message_id: envelope.turnId })]
    case 'text-delta':
    case 'refusal-delta':
      return event.text === '' ? [] : [named('text_chunk', { content: event.text })]
    case 'part-reset':
      return event.kind === 'text' || event.kind === 'refusal'
        ? [named('text_chunk', { content: event.text, reset: true })]
        : []
    case 'suggestion':
      return [named('suggested_questions', { questions: event.questions })]
    case 'turn-end':
      return [...namedEvents(envelope), named('done', {})]
    default:
      return namedEvents(envelope)
  }
}

function modelEnd(event: Extract<TurnEvent, { type: 'model-end' }>): NamedEvent[] {
  const { inputTokens, outputTokens } = event.usage
  return [
    named('llm_call_end', { model: event.model, latency_ms: event.latencyMs }),
    named('token_usage', {
      prompt_tokens: inputTokens,
      completion_tokens: outputTokens,
      total_tokens: inputTokens + outputTokens,
    }),
    named('cost_update', { cost_usd: event.costMicros / 1e6, model: event.model }),
  ]
}

/** The wire wants an object; a model may have written anything. */
function objectOf(json: string): object {
  try {
    const value: unknown = JSON.parse(json)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  } catch {
    // Not JSON at all: shown as it is.
  }
  return { input: json }
}

function named(event: string, data: object): NamedEvent {
  return { event, data }
}
