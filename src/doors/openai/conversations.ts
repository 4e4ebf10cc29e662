import { Type } from 'typebox'
import type { ConversationSettings } from '#contracts/index.ts'
import { clientCalls, toolCallsOf } from '#dialects/chat-completions/index.ts'
import { AppError, invalid } from '#errors/index.ts'
import { type MessageView, presentMessages, type SurveyedRow } from '#features/conversations/index.ts'
import { isUuid } from '#lib/uuid.ts'
import type { Scoped } from '../gate/index.ts'
import type { OpenAiDoorDeps } from './deps.ts'

/** Longer metadata would make every list long. */
const mostMetadata = 16_000
const defaultTurns = 100

const Id = Type.Object({ conversation_id: Type.String() })
const title = Type.Optional(Type.String({ maxLength: 1000 }))
const metadata = Type.Optional(Type.Union([Type.Record(Type.String(), Type.Unknown()), Type.Null()]))
const model = Type.Optional(Type.Union([Type.String({ minLength: 1, maxLength: 200 }), Type.Null()]))
const order = Type.Optional(Type.Union([Type.Literal('asc'), Type.Literal('desc')], { default: 'desc' }))

/** /v1/conversations (CONTRACTS §3.7): the caller's own, from every door. */
export function conversations(door: Scoped, deps: OpenAiDoorDeps): void {
  list(door, deps)
  create(door, deps)
  retrieve(door, deps)
  update(door, deps)
}

function list(door: Scoped, { conversations, history, apps }: OpenAiDoorDeps): void {
  door.route({
    method: 'GET',
    url: '/v1/conversations',
    schema: {
      tags: ['conversations'],
      summary: 'List your conversations',
      querystring: Type.Object({
        limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 20 })),
        offset: Type.Optional(Type.Integer({ minimum: 0, maximum: 1_000_000_000, default: 0 })),
        order,
        app: Type.Optional(Type.String({ maxLength: 100 })),
        text: Type.Optional(Type.String({ maxLength: 500 })),
      }),
    },
    handler: async ({ principal, query }) => {
      const { limit = 20, offset = 0, order = 'desc', app: name, text } = query
      const app = name === undefined ? undefined : await apps.find(principal, name)
      if (name !== undefined && !app)
        throw new AppError('not-found', `The app '${name}' does not exist`, { details: { field: 'app' } })
      const places = app ? [app.id] : [null, ...(await apps.list(principal)).map(({ id }) => id)]
      // A search field that nobody has written into looks for nothing, and leaves nothing out.
      const ids =
        text === undefined || text.trim() === ''
          ? undefined
          : await history.conversationsSaying(principal, places, text)
      const { total, rows } = await conversations.survey(principal, {
        limit,
        offset,
        order,
        ...(app && { appId: app.id }),
        ...(ids && { ids }),
      })
      const data = rows.map(present)
      return { object: 'list', data, total, limit, offset, has_more: offset + rows.length < total }
    },
  })
}

function create(door: Scoped, { conversations, apps, upstreams }: OpenAiDoorDeps): void {
  door.route({
    method: 'POST',
    url: '/v1/conversations',
    schema: {
      tags: ['conversations'],
      summary: 'Create a conversation',
      body: Type.Object({
        title,
        model,
        metadata,
        app: Type.Optional(Type.String({ maxLength: 100 })),
        messages: Type.Optional(Type.Unknown()),
        system_prompt: Type.Optional(Type.Unknown()),
      }),
    },
    handler: async ({ principal, body }) => {
      refuse(body, 'messages')
      refuse(body, 'system_prompt')
      const app = body.app === undefined ? undefined : await apps.find(principal, body.app)
      if (body.app !== undefined && !app)
        throw new AppError('not-found', `The app '${body.app}' does not exist`, { details: { field: 'app' } })
      checkModel(upstreams, body.model)
      checkMetadata(body.metadata)
      const settings: ConversationSettings = {
        ...(body.model && { model: body.model }),
        ...(body.metadata && { metadata: body.metadata }),
      }
      const row = await conversations.create(principal, {
        appId: app?.id ?? null,
        settings,
        ...(body.title !== undefined && { title: body.title }),
      })
      return present((await conversations.surveyed([row]))[0]!)
    },
  })
}

function retrieve(door: Scoped, { conversations }: OpenAiDoorDeps): void {
  door.route({
    method: 'GET',
    url: '/v1/conversations/:conversation_id',
    schema: {
      tags: ['conversations'],
      summary: 'Retrieve a conversation with its newest messages, oldest first',
      params: Id,
      querystring: Type.Object({
        turns: Type.Optional(Type.Integer({ minimum: 0, maximum: 200, default: defaultTurns })),
      }),
    },
    handler: async ({ principal, params, query }) => {
      const row = await conversations.get(principal, idOf(params.conversation_id))
      const turns = await conversations.turnsOf(row.id, query.turns ?? defaultTurns)
      const messages = turns.flatMap(presentMessages).flatMap(messageObjects)
      return { ...present((await conversations.surveyed([row]))[0]!), messages }
    },
  })
}

function update(door: Scoped, { conversations, upstreams }: OpenAiDoorDeps): void {
  for (const method of ['PATCH', 'PUT'] as const)
    door.route({
      method,
      url: '/v1/conversations/:conversation_id',
      schema: {
        tags: ['conversations'],
        summary: 'Change a conversation’s title, model, metadata or status',
        params: Id,
        body: Type.Object({
          title,
          model,
          metadata,
          status: Type.Optional(Type.Union([Type.Literal('active'), Type.Literal('archived')])),
          system_prompt: Type.Optional(Type.Unknown()),
        }),
      },
      handler: async ({ principal, params, body }) => {
        // Its `messages` are passed over: who reads a conversation and sends it back changed sends them along.
        refuse(body, 'system_prompt')
        checkModel(upstreams, body.model)
        checkMetadata(body.metadata)
        const row = await conversations.update(principal, idOf(params.conversation_id), {
          ...(body.title !== undefined && { title: body.title }),
          ...(body.status !== undefined && { status: body.status }),
          settings: {
            ...(body.model !== undefined && { model: body.model }),
            ...(body.metadata !== undefined && { metadata: body.metadata }),
          },
        })
        return present((await conversations.surveyed([row]))[0]!)
      },
    })
}

/** As chat completions have it: what an assistant calls is `tool_calls`, and each result a message of its own. */
function messageObjects({ parts, ...message }: MessageView): object[] {
  const calls = clientCalls(parts)
  const object = {
    ...message,
    object: 'conversation.message' as const,
    created_at: seconds(Date.parse(message.created_at)),
    ...(calls.length > 0 && { tool_calls: toolCallsOf(calls) }),
  }
  const results = message.role === 'tool' ? parts.filter((part) => part.type === 'tool-result') : []
  if (results.length === 0) return [object]
  return results.map(({ callId, result }) => ({ ...object, content: result, tool_call_id: callId }))
}

function refuse<Field extends string>(body: { [field in Field]?: unknown }, field: Field): void {
  if (body[field] !== undefined && body[field] !== null)
    throw new AppError('unsupported', `'${field}' is sent with the requests of a conversation`, { details: { field } })
}

function checkModel({ findModel }: OpenAiDoorDeps['upstreams'], name: string | null | undefined): void {
  if (name && !findModel(name))
    throw new AppError('not-found', `The model '${name}' does not exist`, { details: { field: 'model' } })
}

function checkMetadata(pairs: Record<string, unknown> | null | undefined): void {
  if (pairs && JSON.stringify(pairs).length > mostMetadata)
    throw invalid('metadata', `metadata must have at most ${mostMetadata} characters`)
}

/** Ids go with and without the prefix that OpenAI's have. */
function idOf(text: string): string {
  const id = text.replace(/^conv_/, '').toLowerCase()
  if (!isUuid(id)) throw new AppError('not-found', 'Conversation not found')
  return id
}

function present(row: SurveyedRow) {
  const { talk, settings } = row
  return {
    id: row.publicId,
    object: 'conversation' as const,
    title: row.title,
    model: settings.model ?? talk.model,
    app: row.appPublicId,
    status: row.status,
    // One for what was said and one for the answer of each turn.
    message_count: talk.turns + talk.ended,
    metadata: settings.metadata ?? {},
    created_at: seconds(row.createdAt),
    updated_at: seconds(row.updatedAt),
  }
}

function seconds(ms: number): number {
  return Math.floor(ms / 1000)
}
