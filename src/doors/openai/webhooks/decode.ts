import { Type } from 'typebox'
import { invalid } from '#errors/index.ts'
import type { WebhookInput } from '#features/webhooks/index.ts'

const url = Type.String({ minLength: 1, maxLength: 2_048 })
const events = Type.Array(Type.String({ maxLength: 100 }), { minItems: 1, maxItems: 50 })
const description = Type.Optional(Type.String({ maxLength: 500 }))
const enabled = Type.Optional(Type.Boolean())
const secret = Type.Optional(Type.String({ maxLength: 200 }))

export const webhookId = Type.Object({ webhook_id: Type.String({ maxLength: 64 }) })
export const webhookCreation = Type.Object({ url, events, description, enabled, secret })
export const webhookChange = Type.Object({
  url: Type.Optional(url),
  events: Type.Optional(events),
  description,
  enabled,
})
export const rotation = Type.Union([Type.Object({ secret }), Type.Null()])

/** A field that is misspelt must not be taken for one that was left out. */
export function refuseUnknown(body: object | null, schema: { properties: Record<string, unknown> }): void {
  const unknown = Object.keys(body ?? {}).find((name) => !Object.hasOwn(schema.properties, name))
  if (unknown === undefined) return
  const field = unknown.slice(0, 100)
  throw invalid(field, `'${field}' is no field of this request`)
}

export function toChange(body: Partial<WebhookInput>): Partial<WebhookInput> {
  const { url, events, description, enabled } = body
  return {
    ...(url !== undefined && { url }),
    ...(events !== undefined && { events }),
    ...(description !== undefined && { description }),
    ...(enabled !== undefined && { enabled }),
  }
}
