import { beforeAll, describe, expect, test } from 'vitest'
import type { AuthPrincipal } from '#features/auth/index.ts'
import { uuidv7 } from '#lib/uuid.ts'
import type { TurnStatus } from '#store/index.ts'
import { databaseKinds, useDatabase } from '#test/support/databases.ts'
import { refused } from '#test/support/refusal.ts'
import { type AccountRooms, accountRooms } from '#test/support/rooms.ts'

const dayMs = 86_400_000

for (const kind of databaseKinds)
  describe(`statistics of a key on ${kind}`, () => {
    const db = useDatabase(kind)
    let rooms: AccountRooms
    beforeAll(() => {
      rooms = accountRooms(db.database)
    })

    async function turn(principal: AuthPrincipal, door: string, status: TurnStatus, agoMs: number, tookMs?: number) {
      const at = rooms.clock.now - agoMs
      await db.database.write((tx) =>
        tx.db
          .insertInto('turns')
          .values({
            public_id: uuidv7(at),
            workspace_id: principal.workspace.id,
            user_id: principal.user.id,
            app_id: null,
            conversation_id: null,
            key_id: principal.key!.id,
            door,
            status,
            model: 'm',
            upstream: 'u',
            process_id: 'p',
            reserved_micros: 0,
            input_tokens: 0,
            output_tokens: 0,
            cached_input_tokens: 0,
            reasoning_tokens: 0,
            estimated: 0,
            cost_micros: 0,
            finish_reason: null,
            error: null,
            metadata: null,
            created_at: at,
            ended_at: tookMs === undefined ? null : at + tookMs,
          })
          .execute(),
      )
    }

    test('counts what this key was used for in the days asked for', async () => {
      const { principal } = await rooms.person()
      const key = await rooms.keyOf(principal)
      const other = await rooms.keyOf(principal)
      await turn(key.principal, 'openai', 'completed', 1000, 100)
      await turn(key.principal, 'openai', 'completed', 2000, 300)
      await turn(key.principal, 'app', 'failed', 3000, 200)
      await turn(key.principal, 'app', 'running', 10)
      await turn(key.principal, 'chat-socket', 'cancelled', 10, 0)
      await turn(key.principal, 'app', 'completed', 8 * dayMs, 5000)
      await turn(other.principal, 'openai', 'failed', 10, 10)
      expect(await rooms.keys.stats(principal, key.id, 7)).toEqual({
        days: 7,
        total_requests: 5,
        success_count: 2,
        failure_count: 1,
        success_ratio: 2 / 3,
        avg_response_time_ms: 150,
        top_endpoints: [
          { endpoint: 'app', requests: 2 },
          { endpoint: 'openai', requests: 2 },
          { endpoint: 'chat-socket', requests: 1 },
        ],
      })
      expect(await rooms.keys.stats(principal, key.id, 9)).toMatchObject({ total_requests: 6, success_count: 3 })
    })

    test('an unused key has zeros', async () => {
      const { principal } = await rooms.person()
      const key = await rooms.keyOf(principal)
      expect(await rooms.keys.stats(principal, key.id, 1)).toMatchObject({ total_requests: 0, success_ratio: 0 })
      for (const days of [0, 91, 1.5, Number.NaN])
        await refused('invalid-request', () => rooms.keys.stats(principal, key.id, days), 'days')
    })

    test('uses are counted in memory and written together', async () => {
      const { principal } = await rooms.person()
      const key = await rooms.keyOf(principal)
      for (let i = 0; i < 4; i++) await rooms.auth.authenticate({ apiKey: key.key })
      expect(await rooms.keys.get(principal, key.id)).toMatchObject({ usage_count: 0, last_used_at: null })
      await rooms.auth.flushKeyUses()
      await rooms.auth.flushKeyUses()
      expect(await rooms.keys.get(principal, key.id)).toMatchObject({
        usage_count: 5,
        last_used_at: new Date(rooms.clock.now).toISOString(),
      })
    })
  })
