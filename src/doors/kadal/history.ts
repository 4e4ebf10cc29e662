import { Type } from 'typebox'
import type { Scoped } from '../gate/index.ts'
import { decodeHistory } from './decode.ts'
import type { KadalDoorDeps } from './deps.ts'
import { historyRow, noRecord } from './encode.ts'

const text = Type.Optional(Type.String())

/** Filters as they may stand in the query; in the body they may stand too, and win. */
export const HistoryQuery = Type.Object({
  chat_bot_id: text,
  page_no: text,
  page_size: text,
  order: text,
  exclude_tool_verbose: text,
  text,
  created_by: text,
  object_id: text,
  ext_ref_user_id: text,
})

/** POST /aiwb/chat/api/v7/ (CONTRACTS §4.2): a page of what was said to a bot. */
export function historyRoute(door: Scoped, { apps, history }: Pick<KadalDoorDeps, 'apps' | 'history'>): void {
  door.route({
    method: 'POST',
    url: '/aiwb/chat/api/v7/',
    schema: { tags: ['kadal'], summary: 'Read a chat bot’s history', querystring: HistoryQuery },
    // It only reads, whatever its method.
    config: { scope: 'read' },
    handler: async (request, reply) => {
      const { principal } = request
      const { botId, filter, page } = decodeHistory(request)
      const app = await apps.find(principal, botId)
      const found = app && (await history.page(principal, app, filter, page))
      if (!app || !found || found.entries.length === 0) return reply.code(404).send(noRecord)
      return {
        status_code: 200,
        message: 'Chat history fetched successfully',
        total_count: found.total,
        data: {
          has_continuations: found.hasMore,
          chat_hist: found.entries.map((entry) => historyRow(entry, app)),
        },
      }
    },
  })
}
