import { csvLine } from '#lib/csv.ts'
import { shortId } from '#lib/short-id.ts'
import type { FeedbackCount, FeedbackRow } from './store.ts'

/** One piece of feedback. `document_id` and `query_response_id` are what Kadal's clients know it and its turn by. */
export function presentFeedback(row: FeedbackRow) {
  return {
    id: row.publicId,
    document_id: shortId(row.publicId),
    user_id: row.userId,
    application_id: row.appId,
    turn_id: row.turnId,
    query_response_id: row.turnId === null ? null : shortId(row.turnId),
    model: row.model,
    is_positive: row.isPositive,
    reason: row.reason,
    details: row.details,
    query: row.query,
    given: row.given,
    created_at: new Date(row.createdAt).toISOString(),
    updated_at: new Date(row.updatedAt).toISOString(),
  }
}

export type PresentedFeedback = ReturnType<typeof presentFeedback>

const columns = [
  'id',
  'document_id',
  'user_id',
  'application_id',
  'turn_id',
  'query_response_id',
  'model',
  'is_positive',
  'reason',
  'details',
  'query',
  'given',
  'created_at',
  'updated_at',
] as const satisfies (keyof PresentedFeedback)[]

/** Feedback as the lines of a file, the first of CSV being the names of the columns. */
export const feedbackFiles = {
  csv: {
    contentType: 'text/csv; charset=utf-8',
    head: csvLine(columns),
    line(row: FeedbackRow): string {
      const shown = { ...presentFeedback(row), given: JSON.stringify(row.given) }
      return csvLine(columns.map((column) => shown[column]))
    },
  },
  jsonl: {
    contentType: 'application/x-ndjson; charset=utf-8',
    head: '',
    line: (row: FeedbackRow): string => `${JSON.stringify(presentFeedback(row))}\n`,
  },
}

export function presentCount(count: FeedbackCount) {
  return {
    application_id: count.appId,
    application_name: count.appName,
    model: count.model,
    positive: count.positive,
    negative: count.negative,
    neither: count.neither,
  }
}
