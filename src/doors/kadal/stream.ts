import { Type } from 'typebox'
import { textOf } from '#contracts/index.ts'
import { shortId } from '#lib/short-id.ts'
import { ndjsonLine } from '#wire/index.ts'
import { failureOf, oneHeader, resultOrLeave, type Scoped, streamNdjson, thrownFrom } from '../gate/index.ts'
import { decodeStream, notesOf, partsOf, settingsOf } from './decode.ts'
import type { KadalDoorDeps } from './deps.ts'
import { answerLine, lineEncoder } from './encode.ts'
import { failureLine, noBot } from './errors.ts'
import { StreamBody } from './metadata.ts'

const ndjson = 'application/x-ndjson'
const text = Type.Optional(Type.String())

/** POST /aiwb/chat/api/v7/{chat_bot_id}/stream (CONTRACTS §4.5): lines of JSON, always. Leave policy: continue. */
export function streamRoute(door: Scoped, deps: KadalDoorDeps): void {
  // Also a refusal is a line.
  door.addHook('onSend', async (_, reply, payload) => {
    reply.header('content-type', ndjson)
    return typeof payload === 'string' ? `${payload}\n` : payload
  })
  door.route({
    method: 'POST',
    url: '/aiwb/chat/api/v7/:chat_bot_id/stream',
    schema: {
      tags: ['kadal'],
      summary: 'Ask a chat bot',
      params: Type.Object({ chat_bot_id: Type.String() }),
      querystring: Type.Object({ stream: text, continue_last_chat: text, object_id: text, ext_ref_user_id: text }),
      body: StreamBody,
    },
    config: { chat: true },
    handler: async (request, reply) => {
      const { principal } = request
      const ask = decodeStream(request)
      const app = await deps.apps.find(principal, ask.botId)
      if (!app) throw noBot()
      const settings = settingsOf(deps, ask)
      const notes = notesOf(ask)
      const idempotencyKey = oneHeader(request, 'idempotency-key')
      const turn = await deps.turns.start({
        principal,
        door: 'kadal',
        target: { type: 'app', appId: app.publicId },
        newConversation: true,
        conversation: {
          continueLast: ask.continueLast,
          ...(ask.objectId !== undefined && { objectId: ask.objectId }),
          ...(ask.externalUserId !== undefined && { externalUserId: ask.externalUserId }),
          ...(settings && { settings }),
        },
        messages: [{ role: 'user', parts: await partsOf(deps, principal, ask) }],
        sampling: {},
        tools: [],
        clientTools: 'pause',
        leave: 'continue',
        // Others may watch it grow through another door, whatever this caller wants.
        delivery: 'stream',
        ...(notes && { metadata: notes }),
        ...(idempotencyKey !== undefined && { idempotencyKey }),
      })
      reply.header('x-turn-id', turn.id)
      if (!ask.isStreamed) {
        const state = await resultOrLeave(reply, turn)
        const failure = failureOf(state)
        if (failure) throw thrownFrom(failure)
        const parts = state.parts.map(({ part }) => part)
        return answerLine(shortId(turn.id), textOf(parts), 'stop')
      }
      const encode = lineEncoder(turn)
      return streamNdjson(reply, {
        read: () => turn.read(),
        headers: {},
        encode: (batch) => batch.flatMap(({ event }) => encode(event).map(ndjsonLine)).join(''),
        failed: (error) => ndjsonLine(failureLine(error, shortId(turn.id))),
      })
    },
  })
}
