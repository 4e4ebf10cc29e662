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

/** What some turns have come to, in one hour's row of usage_hourly. */
type UsageAdded = { type: 'usage-added' } & UsageHourlyTable

const hourMs = 3_600_000

/** Adds settled turns to usage_hourly, so that usage is read from few rows however many turns there are. */
export async function usageRollup(tx: Transaction, events: OutboxEvent[]): Promise<void> {
  // Sorted, so that two processes take the rows' locks in the same order.
  const rows = [...sums(events).entries()].sort(([a], [b]) => (a < b ? -1 : 1))
  for (const [, { type: _, ...row }] of rows)
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

/** The settled turns of one commit as few events: most are one user's, of one model. */
export function gatherUsage(events: OutboxEvent[]): OutboxEvent[] {
  return [...sums(events).values()] as unknown as OutboxEvent[]
}

function sums(events: OutboxEvent[]): Map<string, UsageAdded> {
  const rows = new Map<string, UsageAdded>()
  for (const event of events)
    if (event.type === 'usage-added') addRow(rows, event as unknown as UsageAdded)
    else addTurn(rows, event as unknown as TurnSettled)
  return rows
}

function addRow(rows: Map<string, UsageAdded>, added: UsageAdded): void {
  const row = rowOf(rows, added)
  row.turns += added.turns
  row.failed += added.failed
  row.input_tokens += added.input_tokens
  row.output_tokens += added.output_tokens
  row.cached_input_tokens += added.cached_input_tokens
  row.reasoning_tokens += added.reasoning_tokens
  row.cost_micros += added.cost_micros
}

function addTurn(rows: Map<string, UsageAdded>, turn: TurnSettled): void {
  const row = rowOf(rows, {
    workspace_id: turn.workspaceId,
    user_id: turn.userId,
    app_id: turn.appId ?? 0,
    model: turn.model,
    upstream: turn.upstream,
    hour: turn.endedAt - (turn.endedAt % hourMs),
  })
  row.turns++
  if (turn.status === 'failed') row.failed++
  row.input_tokens += turn.usage.inputTokens
  row.output_tokens += turn.usage.outputTokens
  row.cached_input_tokens += turn.usage.cachedInputTokens
  row.reasoning_tokens += turn.usage.reasoningTokens
  row.cost_micros += turn.costMicros
}

type Place = Pick<UsageHourlyTable, 'workspace_id' | 'hour' | 'user_id' | 'app_id' | 'model' | 'upstream'>

/** The row of a place, found or begun. */
function rowOf(rows: Map<string, UsageAdded>, place: Place): UsageAdded {
  const { workspace_id, user_id, app_id, model, upstream, hour } = place
  // The length says where one name ends and the other begins.
  const key = `${workspace_id} ${user_id} ${app_id} ${hour} ${model.length} ${model}${upstream}`
  let row = rows.get(key)
  if (!row) {
    row = {
      type: 'usage-added',
      workspace_id,
      user_id,
      app_id,
      model,
      upstream,
      hour,
      turns: 0,
      failed: 0,
      input_tokens: 0,
      output_tokens: 0,
      cached_input_tokens: 0,
      reasoning_tokens: 0,
      cost_micros: 0,
    }
    rows.set(key, row)
  }
  return row
}
