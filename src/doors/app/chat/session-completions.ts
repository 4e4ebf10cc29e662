import { Type } from 'typebox'
import { AppError } from '#errors/index.ts'
import { sseFrame } from '#wire/index.ts'
import { oneHeader, type Scoped, streamSse } from '../../gate/index.ts'
import type { AppDoorDeps } from '../deps.ts'
import { streamError } from '../errors.ts'
import { sessionEvents } from '../named-events.ts'
import { completionOf } from './completions.ts'

const Body = Type.Object({
  session_id: Type.String({ minLength: 1, maxLength: 255 }),
  message: Type.String({ minLength: 1 }),
  stream: Type.Optional(Type.Boolean({ default: false })),
})

/** POST /api/v1/chat/completions, the session form (CONTRACTS §1.5): named events, always. Leave policy: continue. */
export function sessionCompletions(door: Scoped, deps: AppDoorDeps): void {
  door.route({
    method: 'POST',
    url: '/api/v1/chat/completions',
    schema: { tags: ['chat'], summary: 'Say something in a session', body: Body },
    config: { chat: true },
    handler: async (request, reply) => {
      const { principal } = request
      const session = await deps.conversations.get(principal, request.body.session_id)
      if (session.appPublicId === null)
        throw new AppError('conflict', 'This session belongs to no application', { details: { field: 'session_id' } })
      const idempotencyKey = oneHeader(request, 'idempotency-key')
      const turn = await deps.turns.start({
        principal,
        door: 'app',
        target: { type: 'app', appId: session.appPublicId },
        conversationId: session.publicId,
        messages: [{ role: 'user', parts: [{ type: 'text', text: request.body.message }] }],
        sampling: {},
        tools: [],
        clientTools: 'pause',
        leave: 'continue',
        delivery: 'stream',
        ...(idempotencyKey !== undefined && { idempotencyKey }),
      })
      reply.header('x-turn-id', turn.id)
      if (request.body.stream !== true)
        return completionOf(reply, turn, { legacyFunctions: false, sessionId: session.publicId })
      return streamSse(reply, {
        read: () => turn.read(),
        headers: {},
        encode: (batch) =>
          batch
            .map((envelope) => {
              const events = sessionEvents(envelope)
              return events
                .map(({ event, data }, index) =>
                  sseFrame(JSON.stringify(data), { event, ...(index === events.length - 1 && { id: envelope.seq }) }),
                )
                .join('')
            })
            .join(''),
        failed: (error) => sseFrame(JSON.stringify(streamError(error)), { event: 'error' }),
      })
    },
  })
}
