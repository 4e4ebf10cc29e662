import { type Static, Type } from 'typebox'
import { AppError, invalid } from '#errors/index.ts'
import type { Opinion } from '#features/feedback/index.ts'
import { shortId } from '#lib/short-id.ts'
import { isStorable } from '#lib/text.ts'
import type { Scoped } from '../gate/index.ts'
import type { KadalDoorDeps } from './deps.ts'

const nullable = <T extends Type.TSchema>(schema: T) => Type.Optional(Type.Union([schema, Type.Null()]))
const id = nullable(Type.Integer({ minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER }))
const uuid = nullable(Type.String({ format: 'uuid' }))
const short = nullable(Type.String({ maxLength: 500 }))

const Body = Type.Object({
  chatbotId: uuid,
  consumerId: id,
  keycloakConsumerId: uuid,
  tenantId: id,
  keycloakTenantId: uuid,
  reason: nullable(Type.Union([Type.Literal('pre-defined'), Type.Literal('other')])),
  details: nullable(Type.String({ maxLength: 1000 })),
  user_query_id: id,
  query: short,
  metadata: nullable(Type.Object({ source: short, version: short })),
})

/** POST /aiwb/chat/api/v3/feedbacks (CONTRACTS §4.6): what somebody thinks of a bot, or of the whole. */
export function feedbacksRoute(door: Scoped, { apps, feedback }: Pick<KadalDoorDeps, 'apps' | 'feedback'>): void {
  door.route({
    method: 'POST',
    url: '/aiwb/chat/api/v3/feedbacks',
    schema: { tags: ['kadal'], summary: 'Give feedback', body: Body },
    handler: async ({ principal, body }, reply) => {
      const { chatbotId } = body
      const app = chatbotId ? await apps.find(principal, chatbotId) : null
      if (app === undefined) throw new AppError('not-found', "Agent wasn't found.")
      const publicId = await feedback.submit(principal, toOpinion(body, app?.id ?? null))
      return reply.code(201).send({
        status: 'success',
        message: 'Feedback submitted successfully',
        document_id: shortId(publicId),
      })
    },
  })
}

function toOpinion(body: Static<typeof Body>, appId: number | null): Opinion {
  const { reason = null, details = null, query = null, metadata } = body
  for (const [field, text] of Object.entries({ details, query }))
    if (text !== null && !isStorable(text)) throw invalid(field, `${field} must not contain NUL or broken characters`)
  const { consumerId, keycloakConsumerId, tenantId, keycloakTenantId, user_query_id } = body
  const said = { consumerId, keycloakConsumerId, tenantId, keycloakTenantId, user_query_id }
  const given = Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined && value !== null))
  const about = metadata && { metadata: { source: metadata.source ?? null, version: metadata.version ?? null } }
  return { appId, reason, details, query, given: { ...given, ...about } }
}
