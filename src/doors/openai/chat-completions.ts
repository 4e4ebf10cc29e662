import type { Envelope, Principal, TurnRequest, TurnState, TurnTarget } from '#contracts/index.ts'
import {
  ChatCompletionRequest,
  chunkEncoder,
  type DecodedCompletion,
  decodeCompletion,
  toCompletion,
} from '#dialects/chat-completions/index.ts'
import { AppError, invalid } from '#errors/index.ts'
import type { Turn } from '#turns/index.ts'
import { failureOf, oneHeader, resultOrLeave, type Scoped, streamSse, thrownFrom } from '../gate/index.ts'
import type { OpenAiDoorDeps } from './deps.ts'
import { errorObject } from './errors.ts'

const appModel = 'app/'

/**
 * POST /v1/chat/completions (CONTRACTS §2.2, §3.3). Stateless, unless the header X-Session-Id names a conversation.
 * Leave policy: cancel after a grace period, because nobody can come back and tokens cost money; a request with an
 * Idempotency-Key or a session can be come back to, and goes on.
 */
export function chatCompletions(door: Scoped, deps: OpenAiDoorDeps): void {
  door.route({
    method: 'POST',
    url: '/v1/chat/completions',
    schema: { tags: ['chat'], summary: 'Create a chat completion', body: ChatCompletionRequest },
    config: { chat: true },
    handler: async (request, reply) => {
      const decoded = decodeCompletion(request.body)
      const named = request.body.model
      if (!named) throw invalid('model', "'model' field is required")
      const target: TurnTarget = named.startsWith(appModel)
        ? await appTarget(request.principal, named, deps)
        : { type: 'model', model: named }
      const turn = await deps.turns.start(
        toTurnRequest(
          request.principal,
          decoded,
          target,
          oneHeader(request, 'idempotency-key'),
          oneHeader(request, 'x-session-id'),
        ),
      )
      reply.header('x-turn-id', turn.id)
      if (turn.conversationId !== undefined) reply.header('x-session-id', turn.conversationId)
      const answered = { id: turn.id, model: named, createdAt: turn.createdAt }
      if (decoded.stream) return stream(reply, turn, answered, decoded)
      const state = await resultOrLeave(reply, turn)
      const failure = failureOf(state)
      if (failure && !isCutShort(state)) throw thrownFrom(failure)
      reply.type('application/json; charset=utf-8')
      return toCompletion(answered, state, decoded)
    },
  })
}

function toTurnRequest(
  principal: Principal,
  decoded: DecodedCompletion,
  target: TurnTarget,
  idempotencyKey: string | undefined,
  sessionId: string | undefined,
): TurnRequest {
  const comesBack = idempotencyKey !== undefined || sessionId !== undefined
  return {
    principal,
    door: 'openai',
    target,
    conversationId: sessionId,
    newConversation: sessionId !== undefined,
    messages: decoded.messages,
    sampling: decoded.sampling,
    tools: decoded.tools,
    toolChoice: decoded.toolChoice,
    parallelToolCalls: decoded.parallelToolCalls,
    clientTools: 'pause',
    responseFormat: decoded.responseFormat,
    metadata: decoded.metadata,
    idempotencyKey,
    leave: comesBack ? 'continue' : 'cancel-after-grace',
    delivery: decoded.delivery,
    providerOptions: decoded.providerOptions,
  }
}

/** `app/<slug>` or `app/<id>` runs an app; everything else names a model. */
async function appTarget(principal: Principal, model: string, deps: OpenAiDoorDeps): Promise<TurnTarget> {
  const app = await deps.apps.find(principal, model.slice(appModel.length))
  if (!app) throw new AppError('not-found', `The model '${model}' does not exist`, { details: { field: 'model' } })
  return { type: 'app', appId: app.publicId }
}

function stream(
  reply: Parameters<typeof streamSse>[0],
  turn: Turn,
  named: { id: string; model: string; createdAt: number },
  decoded: DecodedCompletion,
): Promise<void> {
  const encode = chunkEncoder(named, decoded)
  return streamSse(reply, {
    read: () => turn.read(),
    headers: {},
    encode(batch) {
      let text = ''
      for (const envelope of batch) text += frames(envelope, encode)
      return text
    },
    failed: (error) => `data: ${JSON.stringify(errorObject(error))}\n\n`,
  })
}

/**
 * An answer of which something was let through before a filter stopped it: in this protocol it ends like others, with the
 * finish reason `content_filter`. Of which nothing was, it is an error.
 */
function isCutShort({ error, parts }: TurnState): boolean {
  return error?.code === 'content-blocked' && parts.length > 0
}

/** A turn that ended badly ends the stream with an error object and without [DONE]; no `stop` is made up for it. */
function frames({ event }: Envelope, encode: ReturnType<typeof chunkEncoder>): string {
  if (event.type === 'turn-end' && event.error?.code === 'content-blocked')
    return `${encode({ ...event, outcome: 'completed' })
      .map((chunk) => `data: ${chunk}\n\n`)
      .join('')}data: [DONE]\n\n`
  let text = ''
  for (const chunk of encode(event)) text += `data: ${chunk}\n\n`
  if (event.type !== 'turn-end') return text
  const failure = failureOf(event)
  return `${text}data: ${failure ? JSON.stringify(errorObject(failure)) : '[DONE]'}\n\n`
}
