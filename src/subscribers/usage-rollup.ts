import { sql } from 'kysely'
import type { Usage } from '#contracts/index.ts'
import type { OutboxEvent, Transaction, UsageHourlyTable } from '#store/index.ts'

interface TurnSettled {
  workspaceId: number
  userId: number
  appId: number | null
  model: string
  upstream: string
  status: string
  usage: Usage
  costMicros: number
  endedAt: number
}

const hourMs = 3_600_000

/** Adds settled turns to usage_hourly, so that usage is read from few rows however many turns there are. */
export async function usageRollup(tx: Transaction, events: OutboxEvent[]): Promise<void> {
  // Sorted, so that two processes take the rows' locks in the same order.
  const rows = [...added(events as unknown as TurnSettled[]).entries()].sort(([a], [b]) => (a < b ? -1 : 1))
  for (const [, row] of rows)
    await tx.db
      .insertInto('usage_hourly')
      .values(row)
      .onConflict((conflict) =>
        conflict.columns(['workspace_id', 'hour', 'user_id', 'app_id', 'model', 'upstream']).doUpdateSet({
          turns: sql`usage_hourly.turns + excluded.turns`,
          failed: sql`usage_hourly.failed + excluded.failed`,
          input_tokens: sql`usage_hourly.input_tokens + excluded.input_tokens`,
          output_tokens: sql`usage_hourly.output_tokens + excluded.output_tokens`,
          cached_input_tokens: sql`usage_hourly.cached_input_tokens + excluded.cached_input_tokens`,
          reasoning_tokens: sql`usage_hourly.reasoning_tokens + excluded.reasoning_tokens`,
          cost_micros: sql`usage_hourly.cost_micros + excluded.cost_micros`,
        }),
      )
      .execute()
}

function added(turns: TurnSettled[]): Map<string, UsageHourlyTable> {
  const rows = new Map<string, UsageHourlyTable>()
  for (const turn of turns) {
    const hour = turn.endedAt - (turn.endedAt % hourMs)
    const place = {
      workspace_id: turn.workspaceId,
      user_id: turn.userId,
      app_id: turn.appId ?? 0,
      model: turn.model,
      upstream: turn.upstream,
      hour,
    }
    const key = JSON.stringify(place)
    const row = rows.get(key) ?? {
      ...place,
      turns: 0,
      failed: 0,
      input_tokens: 0,
      output_tokens: 0,
      cached_input_tokens: 0,
      reasoning_tokens: 0,
      cost_micros: 0,
    }
    row.turns++
    if (turn.status === 'failed') row.failed++
    row.input_tokens += turn.usage.inputTokens
    row.output_tokens += turn.usage.outputTokens
    row.cached_input_tokens += turn.usage.cachedInputTokens
    row.reasoning_tokens += turn.usage.reasoningTokens
    row.cost_micros += turn.costMicros
    rows.set(key, row)
  }
  return rows
}
