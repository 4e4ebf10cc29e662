import { Type } from 'typebox'
import type { Scoped } from '../gate/index.ts'
import { decodeAbout } from './decode.ts'
import type { KadalDoorDeps } from './deps.ts'
import { noBot } from './errors.ts'

const text = Type.Optional(Type.String())

/** POST /aiwb/chat/api/v7/clearhistory (CONTRACTS §4.4): what the caller has said to a bot is over. */
export function clearHistoryRoute(
  door: Scoped,
  { apps, conversations }: Pick<KadalDoorDeps, 'apps' | 'conversations'>,
): void {
  door.route({
    method: 'POST',
    url: '/aiwb/chat/api/v7/clearhistory',
    schema: {
      tags: ['kadal'],
      summary: 'Clear what you have said to a chat bot',
      querystring: Type.Object({ chat_bot_id: text, object_id: text, ext_ref_user_id: text }),
    },
    handler: async (request) => {
      const { principal } = request
      const { botId, objectId = null, externalUserId = null } = decodeAbout(request)
      const app = await apps.find(principal, botId)
      if (!app) throw noBot()
      await conversations.clear(principal, { appId: app.id, objectId, externalUserId })
      return {
        status_code: 200,
        message: 'Previous conversations deleted successfully',
        query_response_id: null,
        finish_reason: '',
      }
    },
  })
}
