import { Type } from 'typebox'
import type { Apps } from '#features/apps/index.ts'
import { type Feedback, presentFeedback } from '#features/feedback/index.ts'
import type { Scoped } from '../../gate/index.ts'
import { ok } from '../envelope.ts'
import { FilterQuery, filterOf } from './filter.ts'

/** GET /api/v1/feedback: what people said they think, newest first, page by page. */
export function feedbackList(
  door: Scoped,
  { feedback, apps }: { feedback: Pick<Feedback, 'list'>; apps: Pick<Apps, 'get'> },
): void {
  door.route({
    method: 'GET',
    url: '/api/v1/feedback',
    schema: {
      tags: ['feedback'],
      summary: 'List feedback',
      querystring: Type.Object({
        ...FilterQuery,
        limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 50 })),
      }),
    },
    config: { scope: 'admin' },
    handler: async ({ principal, query }) => {
      const found = await feedback.list(principal, await filterOf(apps, principal, query), query.limit ?? 50)
      return ok(found.map(presentFeedback))
    },
  })
}
