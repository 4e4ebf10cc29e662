import type { TurnEvent } from '#contracts/index.ts'
import type { App } from '#features/apps/index.ts'
import type { HistoryEntry } from '#features/history/index.ts'
import { shortId } from '#lib/short-id.ts'
import { failureOf } from '../gate/index.ts'
import { failureLine } from './errors.ts'

/** What ends a stream that went well; a terminator, not a part of the answer. */
const terminator = '#'

/** Turn events → the lines of a stream (CONTRACTS §4.5); a pure function, most events become none. */
export function lineEncoder(turn: { id: string }): (event: TurnEvent) => object[] {
  const id = shortId(turn.id)
  const piece = (text: string) => (text === '' ? [] : [answerLine(id, text, 'streaming')])
  return (event) => {
    switch (event.type) {
      case 'text-delta':
      case 'refusal-delta':
        return piece(event.text)
      case 'part-reset':
        return event.kind === 'text' || event.kind === 'refusal' ? piece(event.text) : []
      case 'turn-end': {
        const failure = failureOf(event)
        return [failure ? failureLine(failure, id) : answerLine(id, terminator, 'stop')]
      }
      default:
        return []
    }
  }
}

/** A line of an answer; the whole of it when it is not streamed. */
export function answerLine(queryResponseId: string, message: string, finishReason: 'streaming' | 'stop'): object {
  return {
    status_code: 200,
    message,
    session_id: null,
    query_response_id: queryResponseId,
    finish_reason: finishReason,
  }
}

/** A row of CONTRACTS §4.2. */
export function historyRow(entry: HistoryEntry, app: Pick<App, 'publicId' | 'name' | 'workspace'>): object {
  const id = shortId(entry.turnId)
  return {
    _id: id,
    tenant_id: app.workspace.publicId,
    user_id: entry.userId,
    object_id: entry.objectId,
    user_query: entry.question,
    bot_response: entry.answer,
    chat_bot_id: app.publicId,
    user_type: entry.isVisitors ? 'external' : 'internal',
    is_cleared: entry.isCleared ? 1 : 0,
    creation_time: new Date(entry.createdAt).toISOString(),
    response_time: new Date(entry.endedAt).toISOString(),
    metadata: entry.event ?? { category: 'chat' },
    is_positive: entry.isPositive,
    query_response_id: id,
    chat_bot_name: app.name,
  }
}

/** What there is to be told where nothing is found (CONTRACTS §4.2, §4.3). */
export const noRecord = {
  status_code: 404,
  message: 'No chat record found',
  total_count: 0,
  data: { has_continuations: false, chat_hist: [] },
}
