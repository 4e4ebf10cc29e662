import { type Envelope, partsOf, type Source, type TurnState, textOf } from '#contracts/index.ts'
import { streamingCode } from '#dialects/streaming-code.ts'
import type { ErrorInfo } from '#errors/index.ts'

/** What the client of /ws/chat is sent (CONTRACTS §1.7). `seq` and `turn_id` are ours: what a resume needs. */
export type ServerFrame = { type: string } & Record<string, unknown>

/** Message and code stand at the top and in `data`: clients were written after either of two pages. */
export function errorFrame(error: Pick<ErrorInfo, 'code' | 'message' | 'details'>, more: object = {}): ServerFrame {
  const code = streamingCode(error.code)
  const message = error.code === 'internal' ? 'Internal server error' : error.message
  const field = error.details?.field
  const told = { message, code, ...(field !== undefined && { field }) }
  return { type: 'error', ...told, data: told, ...more }
}

/**
 * Turn events → frames. Counts deltas from `firstIndex`; `state` is the finished turn, given with the batch that has
 * the end. Otherwise a pure function of the events.
 */
export function frameEncoder(turn: { id: string; conversationId?: string; createdAt: number }) {
  let index = 0

  return function encode(envelope: Envelope, state: TurnState | undefined): ServerFrame[] {
    const { event, seq } = envelope
    const timestamp = new Date(envelope.at).toISOString()
    const about = { turn_id: turn.id, seq, timestamp }
    switch (event.type) {
      case 'turn-start':
        return [{ type: 'response_start', message_id: turn.id, chat_id: turn.conversationId ?? null, ...about }]
      case 'text-delta':
      case 'refusal-delta':
        return event.text === '' ? [] : [{ type: 'text-delta', text: event.text, index: index++, ...about }]
      case 'part-reset':
        return event.kind === 'text' || event.kind === 'refusal'
          ? [{ type: 'text-reset', text: event.text, index: index++, ...about }]
          : []
      case 'reasoning-delta':
        return [{ type: 'thinking', content: event.text, ...about }]
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
        if (event.error) return [errorFrame(event.error, { message_id: turn.id, ...about })]
        const full = state ? textOf(partsOf(state)) : ''
        return [
          {
            type: 'response_end',
            message_id: turn.id,
            full_response: full,
            tokens_used: event.usage.inputTokens + event.usage.outputTokens,
            response_time: (envelope.at - turn.createdAt) / 1000,
            status: event.outcome,
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
