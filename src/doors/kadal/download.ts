import { AppError } from '#errors/index.ts'
import type { Scoped } from '../gate/index.ts'
import { decodeHistory } from './decode.ts'
import type { KadalDoorDeps } from './deps.ts'
import { noRecord } from './encode.ts'
import { HistoryQuery } from './history.ts'

/** POST /aiwb/chat/api/v7/download/ (CONTRACTS §4.3): all of a history that a filter leaves, as a PDF behind a signed URL. */
export function downloadRoute(
  door: Scoped,
  { apps, transcriptFiles }: Pick<KadalDoorDeps, 'apps' | 'transcriptFiles'>,
): void {
  door.route({
    method: 'POST',
    url: '/aiwb/chat/api/v7/download/',
    schema: { tags: ['kadal'], summary: 'Make a PDF of a chat bot’s history', querystring: HistoryQuery },
    handler: async (request, reply) => {
      const { principal } = request
      const { botId, filter } = decodeHistory(request)
      const app = await apps.find(principal, botId)
      const leaving = new AbortController()
      // Nobody would be told where the file is.
      const leave = () => leaving.abort(new AppError('cancelled', 'The client left'))
      reply.raw.once('close', leave)
      if (reply.raw.destroyed) leave()
      const baseUrl = `${request.protocol}://${request.host}`
      const url = app && (await transcriptFiles.store(principal, app, filter, { baseUrl, signal: leaving.signal }))
      if (url === undefined) return reply.code(404).send(noRecord)
      return { message: 'PDF uploaded to S3 successfully', file_url: url }
    },
  })
}
