import { Type } from 'typebox'
import { invalid } from '#errors/index.ts'
import type { UsageSum } from '#features/usage/index.ts'
import type { Scoped } from '../gate/index.ts'
import type { AppDoorDeps } from './deps.ts'
import { ok } from './envelope.ts'
import { isoTime } from './iso-time.ts'

const dayMs = 86_400_000

/** GET /api/v1/usage: tokens and cost of a time span, in all and by model; the last 30 days when none is given. */
export function usageEndpoint(door: Scoped, { usage }: AppDoorDeps): void {
  door.route({
    method: 'GET',
    url: '/api/v1/usage',
    schema: {
      tags: ['usage'],
      summary: 'What was used',
      querystring: Type.Object({
        start_date: Type.Optional(Type.String()),
        end_date: Type.Optional(Type.String()),
      }),
    },
    handler: async (request) => {
      const to = endOf(request.query.end_date) ?? Date.now()
      const from = isoTime('start_date', request.query.start_date) ?? to - 30 * dayMs
      if (from >= to) throw invalid('start_date', 'start_date must be before end_date')
      const { total, byModel } = await usage.report(request.principal, from, to)
      return ok({
        start_date: new Date(from).toISOString(),
        end_date: new Date(to).toISOString(),
        total: sum(total),
        by_model: byModel.map((row) => ({ model: row.model, upstream: row.upstream, ...sum(row) })),
      })
    },
  })
}

/** A day is meant with all its hours: who asks from today to today wants today. */
function endOf(text: string | undefined): number | undefined {
  const time = isoTime('end_date', text)
  return time !== undefined && text!.length === 'yyyy-mm-dd'.length ? time + dayMs : time
}

function sum(row: UsageSum) {
  return {
    requests: row.turns,
    failed: row.failed,
    prompt_tokens: row.inputTokens,
    completion_tokens: row.outputTokens,
    total_tokens: row.inputTokens + row.outputTokens,
    cached_tokens: row.cachedInputTokens,
    reasoning_tokens: row.reasoningTokens,
    cost_usd: row.costMicros / 1e6,
  }
}
