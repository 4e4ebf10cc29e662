import { sql } from 'kysely'
import type { Principal } from '#contracts/index.ts'
import type { Database } from '#store/index.ts'

export interface UsageSum {
  turns: number
  failed: number
  inputTokens: number
  outputTokens: number
  cachedInputTokens: number
  reasoningTokens: number
  costMicros: number
}

export interface UsageReport {
  total: UsageSum
  byModel: (UsageSum & { model: string; upstream: string })[]
}

/** What was used. Administrators see their workspace, everybody else themselves. */
export function usage(deps: { database: Database }) {
  return {
    /** From hour `from` (included) to `to` (not included), unix ms. Turns show within a second of their end. */
    async report(principal: Principal, from: number, to: number): Promise<UsageReport> {
      const rows = await deps.database.read
        .selectFrom('usage_hourly')
        .select((eb) => [
          'model',
          'upstream',
          eb.fn.sum<number>('turns').as('turns'),
          eb.fn.sum<number>('failed').as('failed'),
          eb.fn.sum<number>('input_tokens').as('inputTokens'),
          eb.fn.sum<number>('output_tokens').as('outputTokens'),
          eb.fn.sum<number>('cached_input_tokens').as('cachedInputTokens'),
          eb.fn.sum<number>('reasoning_tokens').as('reasoningTokens'),
          eb.fn.sum<number>('cost_micros').as('costMicros'),
        ])
        .where('workspace_id', '=', principal.workspace.id)
        .where('hour', '>=', from)
        .where('hour', '<', to)
        .$if(principal.role === 'member', (query) => query.where('user_id', '=', principal.user.id))
        .groupBy(['model', 'upstream'])
        .orderBy(sql`sum(turns)`, 'desc')
        .execute()
      const total = { ...nothing }
      for (const row of rows) for (const name of names) total[name] += row[name]
      return { total, byModel: rows }
    },
  }
}

export type Usage = ReturnType<typeof usage>

const nothing: UsageSum = {
  turns: 0,
  failed: 0,
  inputTokens: 0,
  outputTokens: 0,
  cachedInputTokens: 0,
  reasoningTokens: 0,
  costMicros: 0,
}
const names = Object.keys(nothing) as (keyof UsageSum)[]
