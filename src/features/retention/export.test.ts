import { once } from 'node:events'
import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { databaseKinds, useDatabase } from '#test/support/databases.ts'
import { accountRooms } from '#test/support/rooms.ts'
import { exportOwn } from './export.ts'
import type { TextStore } from './text-store.ts'

for (const kind of databaseKinds)
  describe(`exports on ${kind}`, () => {
    const db = useDatabase(kind)

    it('are four at once, counted from the request until they end in whatever way', async () => {
      const rooms = accountRooms(db.database)
      const { principal } = await rooms.person()
      const broken = {
        ...db.database,
        get read(): never {
          throw new Error('the database is gone')
        },
      }
      const open = (database = db.database) =>
        exportOwn({ database, now: () => rooms.clock.now, stores: [] }, principal)
      const full = () => expect(open).toThrow(expect.objectContaining({ code: 'overloaded' }))
      const others = [open(), open(), open()]

      const whole = open()
      full()
      expect((await Array.fromAsync(whole)).at(-1)).toContain('"type":"end"')
      await whole.return?.()

      const failing = open(broken)
      full()
      await expect(Array.fromAsync(failing)).rejects.toThrow('the database is gone')

      const neverBegun = open()
      full()
      await neverBegun.return?.()
      await neverBegun.return?.()

      const left = open()
      full()
      await left.next()
      await left.return?.()

      for (const isBegun of [false, true]) {
        const stream = Readable.from(open(), { objectMode: false })
        full()
        if (isBegun) await once(stream, 'readable')
        stream.destroy()
        await once(stream, 'close')
      }

      const last = open()
      full()
      for (const one of [...others, last]) await one.return?.()
    })

    it('let others come between two pages, however quickly they are read', async () => {
      const rooms = accountRooms(db.database)
      const { principal } = await rooms.person()
      let read = 0
      const store: TextStore = {
        name: 'turns',
        holds: {},
        find: async (_, __, after) => ({
          rows: [{ id: after + 1, workspaceId: null }],
          reached: after + 1,
          done: after === 9,
        }),
        read: async () => {
          read++
          return [{}]
        },
        erase: async () => undefined,
      }
      const whole = Array.fromAsync(
        exportOwn({ database: db.database, now: () => rooms.clock.now, stores: [store] }, principal),
      )
      const seen = new Set<number>()
      while (read < 10) {
        seen.add(read)
        await new Promise((resolve) => setImmediate(resolve))
      }
      expect((await whole).at(-1)).toContain('"turn":10')
      expect(seen.size).toBe(10)
    })
  })
