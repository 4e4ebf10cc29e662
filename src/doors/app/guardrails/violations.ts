import { Type } from 'typebox'
import type { Scoped } from '#doors/gate/index.ts'
import { invalid } from '#errors/index.ts'
import { type Guardrails, presentViolation } from '#features/guardrails/index.ts'
import { isUuid } from '#lib/uuid.ts'
import { ok } from '../envelope.ts'
import { isoTime } from '../iso-time.ts'
import { Uuid } from '../uuid.ts'

const id = Type.Optional(Type.String({ maxLength: 64 }))
const time = Type.Optional(Type.String({ maxLength: 64 }))

/** GET /api/v1/workspaces/{ws}/guardrails/violations: what rules found, newest first, page by page. */
export function violationsRoute(door: Scoped, deps: { guardrails: Pick<Guardrails, 'violations'> }): void {
  door.route({
    method: 'GET',
    url: '/api/v1/workspaces/:ws/guardrails/violations',
    schema: {
      params: Type.Object({ ws: Uuid }),
      querystring: Type.Object({
        limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 50 })),
        before: id,
        application_id: id,
        rule_id: id,
        where: Type.Optional(Type.String({ enum: ['input', 'output'] })),
        from: time,
        to: time,
      }),
      tags: ['guardrails'],
      summary: 'List what guardrails found',
    },
    config: { scope: 'admin' },
    handler: async ({ principal, params, query }) => {
      const { limit = 50, application_id: app } = query
      const ruleId = uuid('rule_id', query.rule_id)
      const before = uuid('before', query.before)
      const from = isoTime('from', query.from)
      const to = isoTime('to', query.to)
      const where = query.where as 'input' | 'output' | undefined
      const found = await deps.guardrails.violations(principal, params.ws, {
        limit,
        ...(app !== undefined && { app }),
        ...(ruleId !== undefined && { ruleId }),
        ...(where !== undefined && { where }),
        ...(from !== undefined && { from }),
        ...(to !== undefined && { to }),
        ...(before !== undefined && { before }),
      })
      return ok(found.map(presentViolation))
    },
  })
}

function uuid(field: string, text: string | undefined): string | undefined {
  if (text !== undefined && !isUuid(text)) throw invalid(field, `${field} must be a UUID`, 'malformed')
  return text?.toLowerCase()
}
