import { Type } from 'typebox'
import type { Scoped } from '#doors/gate/index.ts'
import { type Guardrails, presentRule } from '#features/guardrails/index.ts'
import { ok } from '../envelope.ts'
import { decodeChange, guardrailChange, guardrailId, places } from './decode.ts'

const urls = [
  '/api/v1/workspaces/:ws/guardrails/:guardrail_id',
  '/api/v1/applications/:app_id/guardrails/:guardrail_id',
]
const tags = ['guardrails']

/** GET, PUT, PATCH and DELETE …/guardrails/{guardrail_id}; fields that are not sent stay as they are. */
export function guardrailRoutes(
  door: Scoped,
  deps: { guardrails: Pick<Guardrails, 'get' | 'update' | 'remove'> },
): void {
  for (const [index, { params, placeOf }] of places.entries()) {
    const url = urls[index]!
    const one = Type.Object({ ...params, guardrail_id: guardrailId })
    door.route({
      method: 'GET',
      url,
      schema: { params: one, tags, summary: 'Look at a guardrail' },
      config: { scope: 'admin' },
      handler: async ({ principal, params: named }) =>
        ok(presentRule(await deps.guardrails.get(principal, placeOf(named), named.guardrail_id))),
    })
    door.route({
      method: ['PUT', 'PATCH'],
      url,
      schema: { params: one, body: guardrailChange, tags, summary: 'Change a guardrail' },
      config: { scope: 'admin' },
      handler: async ({ principal, params: named, body }) => {
        const change = decodeChange(body)
        const rule = await deps.guardrails.update(principal, placeOf(named), named.guardrail_id, change)
        return ok(presentRule(rule), 'Guardrail updated')
      },
    })
    door.route({
      method: 'DELETE',
      url,
      schema: { params: one, tags, summary: 'Delete a guardrail' },
      config: { scope: 'admin' },
      handler: async ({ principal, params: named }) => {
        await deps.guardrails.remove(principal, placeOf(named), named.guardrail_id)
        return ok(null, 'Guardrail deleted')
      },
    })
  }
}
