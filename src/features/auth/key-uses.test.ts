import { describe, expect, it } from 'vitest'
import type { Database } from '#store/index.ts'
import { databaseKinds, useDatabase } from '#test/support/databases.ts'
import { accountRooms } from '#test/support/rooms.ts'
import { keyUses } from './key-uses.ts'

for (const kind of databaseKinds)
  describe(`uses of keys on ${kind}`, () => {
    const db = useDatabase(kind)

    it('are counted once each, also when they could not be written at first', async () => {
      const rooms = accountRooms(db.database)
      const { principal } = await rooms.person()
      const one = (await rooms.keyOf(principal)).principal.key?.id
      const other = (await rooms.keyOf(principal)).principal.key?.id
      const gone = new Error('the database is gone')
      let isGone = true
      const database: Database = {
        ...db.database,
        write: (work, patienceMs) =>
          db.database.write(async (tx) => {
            const result = await work(tx)
            if (isGone) throw gone
            return result
          }, patienceMs),
      }
      const uses = keyUses({ database, now: () => rooms.clock.now })
      const at = rooms.clock.now
      uses.count(one!)
      uses.count(other!)
      const failed = expect(uses.flush()).rejects.toBe(gone)
      // While the write is under way.
      rooms.clock.now = at + 5
      uses.count(one!)
      await failed
      isGone = false
      await uses.flush()
      await uses.flush()
      const rows = await db.database.read
        .selectFrom('api_keys')
        .select(['id', 'usage_count', 'last_used_at'])
        .where('id', 'in', [one!, other!])
        .orderBy('id')
        .execute()
      expect(rows).toEqual([
        { id: one, usage_count: 2, last_used_at: at + 5 },
        { id: other, usage_count: 1, last_used_at: at },
      ])
    })
  })
