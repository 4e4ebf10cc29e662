import { Type } from 'typebox'
import type { Scoped } from '#doors/gate/index.ts'
import { type Guardrails, presentTrial } from '#features/guardrails/index.ts'
import { ok } from '../envelope.ts'
import { guardrailTrial, type Under } from './decode.ts'

/** POST …/guardrails/test: what would happen to a text. Stores nothing. */
export function guardrailTestRoute(
  door: Scoped,
  { prefix, params, placeOf }: Under,
  deps: { guardrails: Pick<Guardrails, 'try'> },
): void {
  door.route({
    method: 'POST',
    url: `${prefix}/guardrails/test`,
    schema: {
      params: Type.Object(params),
      body: guardrailTrial,
      tags: ['guardrails'],
      summary: 'See what would happen to a text',
    },
    config: { scope: 'admin' },
    handler: async ({ principal, params: named, body: { text, where } }) =>
      ok(presentTrial(await deps.guardrails.try(principal, placeOf(named), { text, where }))),
  })
}
