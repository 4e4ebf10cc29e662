import { Type } from 'typebox'
import type { Scoped } from '#doors/gate/index.ts'
import { type Guardrails, presentTrial } from '#features/guardrails/index.ts'
import { ok } from '../envelope.ts'
import { guardrailTrial, places } from './decode.ts'

const urls = ['/api/v1/workspaces/:ws/guardrails/test', '/api/v1/applications/:app_id/guardrails/test']

/** POST …/guardrails/test: what would happen to a text. Stores nothing. */
export function guardrailTestRoute(door: Scoped, deps: { guardrails: Pick<Guardrails, 'try'> }): void {
  for (const [index, { params, placeOf }] of places.entries())
    door.route({
      method: 'POST',
      url: urls[index]!,
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
