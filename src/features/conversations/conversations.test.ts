import { describe, expect, it } from 'vitest'
import { databaseKinds, useDatabase } from '#test/support/databases.ts'
import { accountRooms } from '#test/support/rooms.ts'
import { conversations } from './index.ts'

for (const kind of databaseKinds)
  describe(`conversations on ${kind}`, () => {
    const db = useDatabase(kind)

    it('that are changed by two at once keep both changes', async () => {
      const rooms = accountRooms(db.database)
      const room = conversations({ database: db.database, now: () => rooms.clock.now })
      const { principal } = await rooms.person()
      const settings = { metadata: { kept: true } }
      const { publicId } = await room.create(principal, { appId: null, title: 'Plans', settings })
      await Promise.all([
        room.update(principal, publicId, { settings: { model: 'gpt-sim' } }),
        room.update(principal, publicId, { settings: { metadata: { colour: 'blue' } } }),
        room.update(principal, publicId, { title: 'New plans' }),
        room.update(principal, publicId, { status: 'archived' }),
      ])
      expect(await room.get(principal, publicId)).toMatchObject({
        title: 'New plans',
        status: 'archived',
        settings: { model: 'gpt-sim', metadata: { colour: 'blue' } },
      })
      const cleared = await room.update(principal, publicId, { settings: { model: null } })
      expect(cleared).toMatchObject({ title: 'New plans', settings: { metadata: { colour: 'blue' } } })
      expect(cleared.settings).not.toHaveProperty('model')
    })
  })
