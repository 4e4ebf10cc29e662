import { type Static, Type } from 'typebox'
import { type Envelope, type TurnCommand, textOf } from '#contracts/index.ts'
import { usageObject } from '#dialects/chat-completions/index.ts'
import { AppError, invalid } from '#errors/index.ts'
import { isShortId } from '#lib/short-id.ts'
import { isUuid } from '#lib/uuid.ts'
import { sseFrame } from '#wire/index.ts'
import { type Scoped, streamSse } from '../gate/index.ts'
import type { AppDoorDeps } from './deps.ts'
import { ok } from './envelope.ts'
import { streamError } from './errors.ts'

const TurnId = Type.Object({ turn_id: Type.String() })
const Text = Type.String({ minLength: 1, maxLength: 1_000_000 })
const Command = Type.Object({
  type: Type.Union(
    (['cancel', 'steer', 'tool-result', 'approval', 'answer'] as const).map((type) => Type.Literal(type)),
  ),
  reason: Type.Optional(Type.String({ maxLength: 500 })),
  text: Type.Optional(Text),
  call_id: Type.Optional(Type.String()),
  result: Type.Optional(Type.Unknown()),
  is_error: Type.Optional(Type.Boolean()),
  request_id: Type.Optional(Type.String()),
  approved: Type.Optional(Type.Boolean()),
  note: Type.Optional(Type.String({ maxLength: 10_000 })),
  values: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
})

/** Any turn, whatever door it came through: look at it, read its events, command it (docs/TURNS.md). */
export function turnEndpoints(door: Scoped, { turns }: AppDoorDeps): void {
  door.route({
    method: 'GET',
    url: '/api/v1/turns/:turn_id',
    schema: { tags: ['turns'], summary: 'Look at a turn', params: TurnId },
    handler: async (request) => {
      const turn = await turns.view(request.principal, idOf(request.params.turn_id))
      return ok({
        id: turn.id,
        status: turn.status,
        conversation_id: turn.conversationId ?? null,
        application_id: turn.appId ?? null,
        model: turn.model,
        text: textOf(turn.parts),
        parts: turn.parts,
        usage: { ...usageObject(turn.usage), estimated: turn.usage.estimated, cost_usd: turn.costMicros / 1e6 },
        ...(turn.error && { error: { code: turn.error.code, message: turn.error.message } }),
        ...(turn.metadata && { metadata: turn.metadata }),
        created_at: new Date(turn.createdAt).toISOString(),
        ended_at: turn.endedAt === undefined ? null : new Date(turn.endedAt).toISOString(),
      })
    },
  })

  door.route({
    method: 'GET',
    url: '/api/v1/turns/:turn_id/events',
    schema: {
      tags: ['turns'],
      summary: 'Read a turn’s events, from the beginning or after a seq, to its end',
      params: TurnId,
      querystring: Type.Object({
        after: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })),
      }),
    },
    handler: async (request, reply) => {
      const turn = await turns.attach(request.principal, idOf(request.params.turn_id))
      const after = request.query.after ?? lastEventId(request.headers['last-event-id'])
      reply.header('x-turn-id', turn.id)
      return streamSse(reply, {
        read: () => turn.read(after),
        headers: {},
        whatever: true,
        encode: (batch) => batch.map(frame).join(''),
        failed: (error) => sseFrame(JSON.stringify(streamError(error)), { event: 'error' }),
      })
    },
  })

  door.route({
    method: 'POST',
    url: '/api/v1/turns/:turn_id/commands',
    schema: {
      tags: ['turns'],
      summary: 'Cancel or steer a running turn, or give it what it waits for',
      params: TurnId,
      body: Command,
    },
    handler: async (request) => {
      const id = idOf(request.params.turn_id)
      const outcome = await turns.command(request.principal, id, toCommand(request.body))
      return ok({ turn_id: id, outcome }, messages[outcome])
    },
  })
}

const messages = {
  applied: 'Command applied',
  ended: 'The turn had ended already',
  ignored: 'The turn does not wait for this',
}

/** The event as docs/TURNS.md has it: its name, its seq as id, itself as data. */
function frame({ turnId, seq, at, path, event }: Envelope): string {
  return sseFrame(JSON.stringify({ turnId, seq, at, path, event }), { event: event.type, id: seq })
}

function idOf(text: string): string {
  if (!isUuid(text) && !isShortId(text))
    throw invalid('turn_id', 'turn_id must be a UUID or 24 hexadecimal digits', 'malformed')
  return text.toLowerCase()
}

function lastEventId(value: string | string[] | undefined): number {
  if (value === undefined) return 0
  const seq = Number(value)
  if (!Number.isSafeInteger(seq) || seq < 0) throw invalid('Last-Event-ID', 'Last-Event-ID must be a seq')
  return seq
}

function toCommand(body: Static<typeof Command>): TurnCommand {
  const need = <T>(field: string, value: T | undefined): T => {
    if (value === undefined) throw invalid(field, `'${field}' field is required`, 'missing')
    return value
  }
  switch (body.type) {
    case 'cancel':
      return { type: 'cancel', ...(body.reason !== undefined && { reason: body.reason }) }
    case 'steer':
      return { type: 'steer', parts: [{ type: 'text', text: need('text', body.text) }] }
    case 'tool-result': {
      const result = need('result', body.result)
      return {
        type: 'tool-result',
        callId: need('call_id', body.call_id),
        result: typeof result === 'string' ? result : JSON.stringify(result),
        isError: body.is_error === true,
      }
    }
    case 'approval':
      return {
        type: 'approval',
        requestId: need('request_id', body.request_id),
        approved: need('approved', body.approved),
        ...(body.note !== undefined && { note: body.note }),
      }
    case 'answer':
      return { type: 'answer', requestId: need('request_id', body.request_id), values: need('values', body.values) }
    default:
      throw new AppError('unsupported', 'Unknown command', { details: { field: 'type' } })
  }
}
