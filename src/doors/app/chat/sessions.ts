import { Type } from 'typebox'
import { type MessageView, presentConversation, presentMessages } from '#features/conversations/index.ts'
import type { Scoped } from '../../gate/index.ts'
import type { AppDoorDeps } from '../deps.ts'
import { ok } from '../envelope.ts'

const Page = {
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 50 })),
  offset: Type.Optional(Type.Integer({ minimum: 0, maximum: 1_000_000_000, default: 0 })),
}
/** Turns, not messages: a question never comes without its answer. Older ones are before the first message that one has. */
const Back = { limit: Page.limit, before: Type.Optional(Type.String({ minLength: 1, maxLength: 100 })) }
const SessionId = Type.Object({ session_id: Type.String() })

/** Sessions of chat apps and what was said in them (CONTRACTS §1.5). */
export function sessions(door: Scoped, { conversations, apps }: AppDoorDeps): void {
  door.route({
    method: 'POST',
    url: '/api/v1/chat/sessions',
    schema: {
      tags: ['sessions'],
      summary: 'Start a session',
      body: Type.Object({
        application_id: Type.String({ minLength: 1 }),
        title: Type.Optional(Type.String({ maxLength: 1000 })),
      }),
    },
    handler: async (request) => {
      const app = await apps.get(request.principal, request.body.application_id)
      const session = await conversations.create(request.principal, {
        appId: app.id,
        ...(request.body.title !== undefined && { title: request.body.title }),
      })
      return ok(presentConversation(session), 'Session created')
    },
  })

  door.route({
    method: 'GET',
    url: '/api/v1/chat/sessions',
    schema: {
      tags: ['sessions'],
      summary: 'List your sessions',
      querystring: Type.Object({
        application_id: Type.Optional(Type.String()),
        status: Type.Optional(
          Type.Union([Type.Literal('active'), Type.Literal('completed'), Type.Literal('archived')]),
        ),
        ...Page,
      }),
    },
    handler: async (request) => {
      const { application_id: id, status, limit = 50, offset = 0 } = request.query
      const app = id === undefined ? undefined : await apps.get(request.principal, id)
      const found = await conversations.list(request.principal, {
        limit,
        offset,
        ...(app && { appId: app.id }),
        ...(status !== undefined && { status }),
      })
      return ok(found.map(presentConversation))
    },
  })

  door.route({
    method: 'GET',
    url: '/api/v1/chat/sessions/:session_id',
    schema: { tags: ['sessions'], summary: 'Look at a session', params: SessionId },
    handler: async (request) =>
      ok(presentConversation(await conversations.get(request.principal, request.params.session_id))),
  })

  door.route({
    method: 'GET',
    url: '/api/v1/chat/sessions/:session_id/messages',
    schema: {
      tags: ['sessions'],
      summary: 'Messages of a session, oldest first',
      params: SessionId,
      querystring: Type.Object(Back),
    },
    handler: async (request) => {
      const session = await conversations.get(request.principal, request.params.session_id)
      return ok(await messagesOf(session.id, request.query))
    },
  })

  door.route({
    method: 'PUT',
    url: '/api/v1/chat/sessions/:session_id/archive',
    schema: { tags: ['sessions'], summary: 'Archive a session', params: SessionId },
    handler: async (request) =>
      ok(
        presentConversation(await conversations.archive(request.principal, request.params.session_id)),
        'Session archived',
      ),
  })

  door.route({
    method: 'GET',
    url: '/api/v1/chat/:app_id/messages',
    schema: {
      tags: ['sessions'],
      summary: 'Catch up: the newest messages of your last session, or the one named, with an application',
      params: Type.Object({ app_id: Type.String() }),
      querystring: Type.Object({ session_id: Type.Optional(Type.String()), ...Back }),
    },
    handler: async (request) => {
      const { principal } = request
      const app = await apps.get(principal, request.params.app_id)
      const named = request.query.session_id
      const session =
        named === undefined
          ? (await conversations.list(principal, { appId: app.id, limit: 1, offset: 0, order: 'used' }))[0]
          : await conversations.find(principal, named, app.id)
      return ok(session ? await messagesOf(session.id, request.query) : [])
    },
  })

  async function messagesOf(
    conversationId: number,
    { limit = 50, before }: { limit?: number; before?: string },
  ): Promise<MessageView[]> {
    const turns = await conversations.pageOf(conversationId, limit, before)
    return turns.flatMap(presentMessages)
  }
}
