import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { type Envelope, type Principal, requireScope } from '#contracts/index.ts'
import {
  ChatCompletionRequest,
  chunkEncoder,
  decodeCompletion,
  toCompletion,
} from '#dialects/chat-completions/index.ts'
import { AppError, invalid } from '#errors/index.ts'
import type { App } from '#features/apps/index.ts'
import { isUuid } from '#lib/uuid.ts'
import type { Turn } from '#turns/index.ts'
import { sseFrame } from '#wire/index.ts'
import {
  failureOf,
  oneHeader,
  readCredentials,
  resultOrLeave,
  type Scoped,
  streamSse,
  thrownFrom,
} from '../../gate/index.ts'
import type { AppDoorDeps } from '../deps.ts'
import { streamError } from '../errors.ts'
import { namedEvents } from '../named-events.ts'

const Params = Type.Object({ application_id: Type.String() })
const Body = Type.Interface([ChatCompletionRequest], {
  start_node_inputs: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
})

/**
 * POST /api/v1/chat/{application_id}/chat/completions (CONTRACTS §1.4): an app by UUID with a credential, or by its
 * access token without one. X-Session-Id keeps history. Leave policy: continue; the turn can be read again.
 */
export function appChatCompletions(door: Scoped, deps: AppDoorDeps): void {
  door.route({
    method: 'POST',
    url: '/api/v1/chat/:application_id/chat/completions',
    schema: { tags: ['chat'], summary: 'Chat with an application', params: Params, body: Body },
    // An access token in the path is a credential, so the door finds the principal itself: before the body, as the gate does.
    config: { auth: 'public', chat: true },
    onRequest: async (request, reply) => {
      request.principal = await callerOf(request, request.params.application_id, deps)
      door.countAgainst(reply, request.principal, true)
    },
    handler: async (request, reply) => {
      const { principal } = request
      const { application_id: id } = request.params
      const decoded = decodeCompletion(request.body)
      const { stream, includeUsage, legacyFunctions, ...asked } = decoded
      const sessionId = oneHeader(request, 'x-session-id')
      const idempotencyKey = oneHeader(request, 'idempotency-key')
      const turn = await deps.turns.start({
        ...asked,
        // Others may watch it grow from another door, so it is streamed whatever this caller wants.
        delivery: 'stream',
        principal,
        door: 'app',
        target: {
          type: 'app',
          // Of a token in the path; one in a header may use its own app only, and is told so when it asks for another.
          appId: isUuid(id) ? id.toLowerCase() : principal.app!.publicId,
          ...(request.body.start_node_inputs && { inputs: request.body.start_node_inputs }),
        },
        clientTools: 'pause',
        leave: 'continue',
        ...(sessionId !== undefined && { conversationId: sessionId, newConversation: true }),
        ...(idempotencyKey !== undefined && { idempotencyKey }),
      })
      reply.header('x-turn-id', turn.id)
      if (turn.conversationId !== undefined) reply.header('x-session-id', sessionId ?? turn.conversationId)
      if (stream) return streamCompletion(reply, turn, { includeUsage, legacyFunctions, named: wantsEvents(request) })
      return completionOf(reply, turn, { legacyFunctions })
    },
  })
}

/** The finished answer as the JSON of a bare completion object, or the error it ended with. */
export async function completionOf(
  reply: FastifyReply,
  turn: Turn,
  options: { legacyFunctions: boolean; sessionId?: string },
): Promise<string> {
  const state = await resultOrLeave(reply, turn)
  const failure = failureOf(state)
  if (failure) throw thrownFrom(failure)
  reply.type('application/json; charset=utf-8')
  return toCompletion(turn, state, options)
}

async function callerOf(request: FastifyRequest, id: string, deps: AppDoorDeps): Promise<Principal> {
  if (!isUuid(id)) {
    const app: App | undefined = await deps.apps.findByToken(id)
    if (app) return deps.auth.principalForApp(app)
    if (!id.startsWith('pat_'))
      throw invalid('application_id', 'application_id must be a UUID or an access token', 'malformed')
    throw new AppError('not-found', 'Application not found')
  }
  const principal = await deps.auth.authenticate(readCredentials(request))
  requireScope(principal, 'write')
  return principal
}

/** A chat app sends named events only when asked: many clients take every data line for a chunk (CONTRACTS, picks). */
function wantsEvents(request: FastifyRequest): boolean {
  return request.headers['x-parley-events'] === 'all'
}

function streamCompletion(
  reply: FastifyReply,
  turn: Turn,
  options: { includeUsage: boolean; legacyFunctions: boolean; named: boolean },
): Promise<void> {
  const encode = chunkEncoder(turn, options)
  const frames = ({ turnId, seq, event }: Envelope): string => {
    const chunks = encode(event)
    // How a turn failed must reach every client, also one that takes no other named event.
    const failed = event.type === 'turn-end' && failureOf(event) !== undefined
    const named = options.named || failed ? namedEvents({ turnId, event }) : []
    const lines = [
      ...named.map(({ event: name, data }) => ({ data: JSON.stringify(data), event: name })),
      ...chunks.map((data) => ({ data })),
    ]
    if (event.type === 'turn-end') lines.push({ data: '[DONE]' })
    // An event is seen when its last frame is: only that one carries the number to resume after.
    return lines
      .map((line, index) => sseFrame(line.data, { ...line, ...(index === lines.length - 1 && { id: seq }) }))
      .join('')
  }
  return streamSse(reply, {
    read: () => turn.read(),
    headers: {},
    encode: (batch) => batch.map(frames).join(''),
    failed: (error) => sseFrame(JSON.stringify(streamError(error)), { event: 'error' }),
  })
}
