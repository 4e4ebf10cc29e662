import { type Envelope, partsOf, type Source, type TurnState, textOf } from '#contracts/index.ts'
import { usageObject } from '#dialects/chat-completions/index.ts'
import { streamingCode } from '#dialects/streaming-code.ts'
import type { ErrorInfo } from '#errors/index.ts'

/** What the client of /ws/chat is sent (CONTRACTS §1.7). `seq` and `turn_id` are ours: what a resume needs. */
export type ServerFrame = { type: string } & Record<string, unknown>

/** Message and code stand at the top and in `data`: clients were written after either of two pages. */
export function errorFrame(error: ErrorInfo, more: object = {}): ServerFrame {
  const code = streamingCode(error.code)
  const message = error.code === 'internal' ? 'Internal server error' : error.message
  const field = error.details?.field
  const retry = error.retryAfterMs === undefined ? {} : { retry_after_ms: error.retryAfterMs }
  const told = { message, code, ...(field !== undefined && { field }), ...retry }
  return { type: 'error', ...told, data: told, ...more }
}

/**
 * Turn events → frames. Counts deltas from 0; `state` is the finished turn, given with the batch that has the end.
 * Otherwise a pure function of the events. `requestId`: what the client that asked for the turn calls its request.
 */
export function frameEncoder(turn: { id: string; conversationId?: string; createdAt: number }, requestId?: string) {
  let index = 0

  return function encode(envelope: Envelope, state: TurnState | undefined): ServerFrame[] {
    const { event, seq } = envelope
    const timestamp = new Date(envelope.at).toISOString()
    const about = { turn_id: turn.id, seq, timestamp }
    switch (event.type) {
      case 'turn-start':
        return [
          {
            type: 'response_start',
            message_id: turn.id,
            chat_id: turn.conversationId ?? null,
            ...(requestId !== undefined && { request_id: requestId }),
            ...about,
          },
        ]
      case 'text-delta':
      case 'refusal-delta':
        return event.text === ''
          ? []
          : [{ type: 'text-delta', text: event.text, index: index++, part: event.part, ...about }]
      case 'part-reset':
        if (event.kind === 'reasoning')
          return [{ type: 'thinking-reset', content: event.text, part: event.part, ...about }]
        return event.kind === 'text' || event.kind === 'refusal'
          ? [{ type: 'text-reset', text: event.text, index: index++, part: event.part, ...about }]
          : []
      case 'reasoning-delta':
        return [{ type: 'thinking', content: event.text, part: event.part, ...about }]
      case 'tool-call':
        return [
          { type: 'tool_call', tool_call_id: event.callId, name: event.name, arguments: event.arguments, ...about },
        ]
      case 'tool-result':
        return [
          {
            type: 'tool_result',
            tool_call_id: event.callId,
            name: event.name,
            result: event.result,
            is_error: event.isError,
            ...about,
          },
        ]
      case 'source':
        return [{ type: 'sources', sources: [sourceItem(event.source)], ...about }]
      case 'turn-end': {
        const usage = {
          ...usageObject(event.usage),
          estimated: event.usage.estimated,
          cost_usd: event.costMicros / 1e6,
        }
        const end = { message_id: turn.id, status: event.outcome, usage }
        if (event.error) {
          const kept = event.error.details?.keptSeq
          return [errorFrame(event.error, { ...end, ...(kept !== undefined && { kept_seq: kept }), ...about })]
        }
        const full = state ? textOf(partsOf(state)) : ''
        return [
          {
            type: 'response_end',
            full_response: full,
            tokens_used: event.usage.inputTokens + event.usage.outputTokens,
            response_time: Math.max(0, envelope.at - turn.createdAt) / 1000,
            ...end,
            ...about,
          },
        ]
      }
      default:
        return []
    }
  }
}

/** The shape of a search result of the knowledge node (CONTRACTS §1.8). */
function sourceItem(source: Source) {
  return {
    content: source.content,
    score: source.score ?? null,
    metadata: { ...source.metadata, source: source.title, ...(source.url !== undefined && { url: source.url }) },
  }
}
