import { Readable } from 'node:stream'
import { Type } from 'typebox'
import type { Apps } from '#features/apps/index.ts'
import { type Feedback, feedbackFiles } from '#features/feedback/index.ts'
import { attachment } from '#lib/content-disposition.ts'
import type { Scoped } from '../../gate/index.ts'
import { FilterQuery, filterOf } from './filter.ts'

/** GET /api/v1/feedback/export: all of it as a file, read from the database as the client takes it. */
export function feedbackExport(
  door: Scoped,
  { feedback, apps }: { feedback: Pick<Feedback, 'exportAll'>; apps: Pick<Apps, 'get'> },
): void {
  door.route({
    method: 'GET',
    url: '/api/v1/feedback/export',
    schema: {
      tags: ['feedback'],
      summary: 'Download feedback as CSV or JSON lines',
      querystring: Type.Object({
        ...FilterQuery,
        format: Type.Optional(Type.Union([Type.Literal('csv'), Type.Literal('jsonl')], { default: 'csv' })),
      }),
    },
    config: { scope: 'admin' },
    handler: async ({ principal, query }, reply) => {
      const { format = 'csv' } = query
      const { contentType, head, line } = feedbackFiles[format]
      const batches = feedback.exportAll(principal, await filterOf(apps, principal, query))
      async function* lines() {
        if (head !== '') yield head
        for await (const rows of batches) yield rows.map(line).join('')
      }
      reply.header('content-type', contentType)
      reply.header('content-disposition', attachment(`feedback.${format}`))
      return reply.send(Readable.from(lines()))
    },
  })
}
