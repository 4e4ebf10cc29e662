import type { Principal } from '#contracts/index.ts'
import { invalid } from '#errors/index.ts'
import { uuidFloor } from '#lib/uuid-floor.ts'
import { type KeysDeps, visibleKey } from './keys.ts'
import { countTurns } from './store.ts'

const dayMs = 86_400_000
// A public id is made a little before its row, and its clock may run a little ahead.
const slackMs = 3_600_000
const good = new Set(['completed', 'paused'])
const bad = new Set(['failed', 'interrupted'])

/**
 * What a key was used for in the last `days` days. What is running or was cancelled counts as a request, but neither
 * as a success nor as a failure; the ratio of none is 0.
 */
export async function keyStats(deps: KeysDeps, principal: Principal, publicId: string, days: number) {
  if (!Number.isInteger(days) || days < 1 || days > 90)
    throw invalid('days', "'days' must be a whole number from 1 to 90")
  const key = await visibleKey(deps, principal, publicId)
  const since = deps.now() - days * dayMs
  const rows = await countTurns(deps.database, key.id, since, uuidFloor(since - slackMs))
  let total = 0
  let success = 0
  let failure = 0
  let ended = 0
  let totalMs = 0
  const byDoor = new Map<string, number>()
  for (const row of rows) {
    const turns = Number(row.turns)
    total += turns
    if (good.has(row.status)) success += turns
    if (bad.has(row.status)) failure += turns
    ended += Number(row.ended)
    totalMs += Number(row.total_ms)
    byDoor.set(row.door, (byDoor.get(row.door) ?? 0) + turns)
  }
  return {
    days,
    total_requests: total,
    success_count: success,
    failure_count: failure,
    success_ratio: success + failure === 0 ? 0 : success / (success + failure),
    avg_response_time_ms: ended === 0 ? 0 : Math.round(totalMs / ended),
    top_endpoints: [...byDoor]
      .map(([endpoint, requests]) => ({ endpoint, requests }))
      .sort((a, b) => b.requests - a.requests || a.endpoint.localeCompare(b.endpoint))
      .slice(0, 10),
  }
}
