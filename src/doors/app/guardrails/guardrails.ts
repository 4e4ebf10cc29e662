import { Type } from 'typebox'
import type { Scoped } from '#doors/gate/index.ts'
import { type Guardrails, presentRule } from '#features/guardrails/index.ts'
import { ok } from '../envelope.ts'
import { guardrailCreation, places } from './decode.ts'

const urls = ['/api/v1/workspaces/:ws/guardrails', '/api/v1/applications/:app_id/guardrails']
const tags = ['guardrails']

/** GET and POST …/guardrails: the rules of a workspace or an application. */
export function guardrailCollectionRoutes(
  door: Scoped,
  deps: { guardrails: Pick<Guardrails, 'list' | 'create'> },
): void {
  for (const [index, { params, placeOf }] of places.entries()) {
    const url = urls[index]!
    door.route({
      method: 'GET',
      url,
      schema: { params: Type.Object(params), tags, summary: 'List guardrails' },
      config: { scope: 'admin' },
      handler: async ({ principal, params: named }) =>
        ok((await deps.guardrails.list(principal, placeOf(named))).map(presentRule)),
    })
    door.route({
      method: 'POST',
      url,
      schema: { params: Type.Object(params), body: guardrailCreation, tags, summary: 'Create a guardrail' },
      config: { scope: 'admin' },
      handler: async ({ principal, params: named, body }, reply) => {
        const { name, kind, where, action, enabled, config } = body
        const input = { name, kind, where, action, enabled, config }
        const rule = await deps.guardrails.create(principal, placeOf(named), input)
        return reply.code(201).send(ok(presentRule(rule), 'Guardrail created', 201))
      },
    })
  }
}
