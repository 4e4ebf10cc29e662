import { Type } from 'typebox'
import type { Apps } from '#features/apps/index.ts'
import { type Feedback, presentCount } from '#features/feedback/index.ts'
import type { Scoped } from '../../gate/index.ts'
import { ok } from '../envelope.ts'
import { FilterQuery, filterOf } from './filter.ts'

/** GET /api/v1/feedback/counts: how often which app and model was found good and bad. */
export function feedbackCounts(
  door: Scoped,
  { feedback, apps }: { feedback: Pick<Feedback, 'counts'>; apps: Pick<Apps, 'get'> },
): void {
  const { application_id, from, to } = FilterQuery
  door.route({
    method: 'GET',
    url: '/api/v1/feedback/counts',
    schema: {
      tags: ['feedback'],
      summary: 'Count feedback by application and model',
      querystring: Type.Object({ application_id, from, to }),
    },
    config: { scope: 'admin' },
    handler: async ({ principal, query }) => {
      const counts = await feedback.counts(principal, await filterOf(apps, principal, query))
      return ok(counts.map(presentCount))
    },
  })
}
