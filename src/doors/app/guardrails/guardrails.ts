import { Type } from 'typebox'
import type { Scoped } from '#doors/gate/index.ts'
import { type Guardrails, presentRule } from '#features/guardrails/index.ts'
import { ok } from '../envelope.ts'
import { guardrailCreation, type Under } from './decode.ts'

const tags = ['guardrails']

/** GET and POST …/guardrails: the rules of a workspace or an application. */
export function guardrailCollectionRoutes(
  door: Scoped,
  { prefix, params, placeOf }: Under,
  deps: { guardrails: Pick<Guardrails, 'list' | 'create'> },
): void {
  const url = `${prefix}/guardrails`
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
