/**
 * What people think: of a turn (one opinion a user, the last one), or of the product. Everybody gives it, administrators of
 * the workspace read it.
 */
import { bind } from '#lib/bind.ts'
import { countOpinions, exportOpinions, type FeedbackDeps, listOpinions, rateTurn, submitOpinion } from './feedback.ts'

export type { FeedbackDeps, Opinion, Rating } from './feedback.ts'
export { feedbackFiles, presentCount, presentFeedback } from './present.ts'
export type { FeedbackFilter, FeedbackRow } from './store.ts'

export type Feedback = ReturnType<typeof feedback>

export function feedback(deps: FeedbackDeps) {
  return {
    rate: bind(deps, rateTurn),
    submit: bind(deps, submitOpinion),
    list: bind(deps, listOpinions),
    exportAll: bind(deps, exportOpinions),
    counts: bind(deps, countOpinions),
  }
}
