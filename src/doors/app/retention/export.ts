import { Readable } from 'node:stream'
import type { Scoped } from '#doors/gate/index.ts'
import type { Retention } from '#features/retention/index.ts'

/** GET /api/v1/users/me/export: everything that is held about the caller, as JSON lines (docs/RETENTION.md). */
export function exportRoute(door: Scoped, deps: { retention: Pick<Retention, 'exportOwn'> }): void {
  door.route({
    method: 'GET',
    url: '/api/v1/users/me/export',
    schema: { tags: ['retention'], summary: 'Everything that is held about you, as JSON lines' },
    handler: async ({ principal }, reply) => {
      const lines = deps.retention.exportOwn(principal)
      reply.headers({
        'content-type': 'application/x-ndjson; charset=utf-8',
        'content-disposition': `attachment; filename="export-${principal.user.publicId}.jsonl"`,
        'cache-control': 'private, no-store',
      })
      return reply.send(Readable.from(lines, { objectMode: false }))
    },
  })
}
