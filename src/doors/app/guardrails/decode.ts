import { type Static, type TString, Type } from 'typebox'
import type { GuardrailInput, Place } from '#features/guardrails/index.ts'
import { Uuid } from '../uuid.ts'

const fields = {
  where: Type.String({ enum: ['input', 'output', 'both'] }),
  action: Type.String({ enum: ['block', 'mask', 'flag'] }),
  enabled: Type.Optional(Type.Boolean()),
  config: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
}
const name = Type.String({ minLength: 1, maxLength: 100 })
const kind = Type.String({ enum: ['words', 'pattern', 'personal-data', 'injection', 'endpoint', 'judge'] })

export const guardrailCreation = Type.Object({ name, kind, ...fields })
export const guardrailChange = Type.Object({
  name: Type.Optional(name),
  kind: Type.Optional(kind),
  where: Type.Optional(fields.where),
  action: Type.Optional(fields.action),
  enabled: fields.enabled,
  config: fields.config,
})
export const guardrailTrial = Type.Object({
  text: Type.String({ maxLength: 100_000 }),
  where: Type.String({ enum: ['input', 'output'] }),
})

/** The body's known fields, one by one: nothing else of it gets further. */
export function decodeChange(body: Static<typeof guardrailChange>): Partial<GuardrailInput> {
  const { name, kind, where, action, enabled, config } = body
  return {
    ...(name !== undefined && { name }),
    ...(kind !== undefined && { kind }),
    ...(where !== undefined && { where }),
    ...(action !== undefined && { action }),
    ...(enabled !== undefined && { enabled }),
    ...(config !== undefined && { config }),
  }
}

/** Where guardrails are: under a workspace, and the same under an app. `urls` of an endpoint stand in this order. */
export const places: readonly {
  params: Record<string, TString>
  placeOf(params: Record<string, string>): Place
}[] = [
  { params: { ws: Uuid }, placeOf: ({ ws }) => ({ workspace: ws! }) },
  { params: { app_id: Type.String({ maxLength: 64 }) }, placeOf: ({ app_id }) => ({ app: app_id! }) },
]

export const guardrailId = Uuid
