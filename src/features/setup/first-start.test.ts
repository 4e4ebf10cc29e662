import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { databaseKinds, freshDatabase, type TestDatabase } from '#test/support/databases.ts'
import { accountRooms } from '#test/support/rooms.ts'
import { firstStart } from './index.ts'

const owner = { email: 'owner@localhost' }

for (const kind of databaseKinds)
  describe(`first start on ${kind}`, () => {
    let db: TestDatabase
    beforeEach(async () => {
      db = await freshDatabase(kind)
    })
    afterEach(() => db.close())
    const start = (settings = {}) => firstStart({ database: db.database, now: Date.now }, { ...owner, ...settings })

    test('makes an owner, a workspace, a key and an app that work', async () => {
      const made = await start()
      expect(made).toEqual({
        created: true,
        email: 'owner@localhost',
        password: expect.stringMatching(/^.{24}$/),
        apiKey: expect.stringMatching(/^parley_[\w-]{43}$/),
      })
      const rooms = accountRooms(db.database)
      const grant = await rooms.auth.login({ email: made.email, password: made.password! })
      expect(grant.user.isAdmin).toBe(true)
      const principal = await rooms.auth.authenticate({ apiKey: made.apiKey! })
      expect(principal).toMatchObject({ method: 'api-key', role: 'owner' })
      expect(await rooms.apps.get(principal, 'assistant')).toMatchObject({
        name: 'Assistant',
        config: { model: 'auto' },
      })
      expect((await rooms.workspaces.list(principal)).map((one) => one.name)).toEqual(['Default'])
    })

    test('uses a given password and key as they are and does not print them', async () => {
      expect(await start({ password: 'given password', key: 'sk-given-0123456789' })).toEqual({
        created: true,
        email: 'owner@localhost',
      })
      const rooms = accountRooms(db.database)
      await rooms.auth.login({ email: 'owner@localhost', password: 'given password' })
      expect(await rooms.auth.authenticate({ bearer: 'sk-given-0123456789' })).toMatchObject({ method: 'api-key' })
    })

    test('does nothing the second time', async () => {
      await start()
      expect(await start()).toEqual({ created: false, email: 'owner@localhost' })
      const { users } = await db.database.read
        .selectFrom('users')
        .select((eb) => eb.fn.countAll<number>().as('users'))
        .executeTakeFirstOrThrow()
      expect(Number(users)).toBe(1)
    })

    test('adds an owner key that is given later, once', async () => {
      await start()
      await start({ key: 'a-key-given-later' })
      await start({ key: 'a-key-given-later' })
      const principal = await accountRooms(db.database).auth.authenticate({ apiKey: 'a-key-given-later' })
      expect(principal).toMatchObject({ role: 'owner' })
    })

    test('does not bring back an owner key that was revoked or rotated', async () => {
      await start({ key: 'first-given-key-0' })
      const rooms = accountRooms(db.database)
      const principal = await rooms.auth.authenticate({ apiKey: 'first-given-key-0' })
      const rotated = await rooms.keys.rotate(principal, principal.key!.publicId)
      await start({ key: 'first-given-key-0' })
      await expect((async () => rooms.auth.authenticate({ apiKey: 'first-given-key-0' }))()).rejects.toMatchObject({
        code: 'unauthenticated',
      })
      expect(await rooms.auth.authenticate({ apiKey: rotated.key })).toMatchObject({ role: 'owner' })
    })

    test.for(['short', 'has a space in it ok', 'with\nnewline-0123456789', 'eyJhbGciOiJIUzI1NiJ9.e30.x'])(
      'refuses %j as an owner key',
      async (key) => {
        await expect(start({ key })).rejects.toMatchObject({
          code: 'invalid-request',
          details: { field: 'PARLEY_OWNER_KEY' },
        })
      },
    )

    test('refuses a password that is too short by the name of its variable', async () => {
      await expect(start({ password: 'short' })).rejects.toMatchObject({
        code: 'invalid-request',
        details: { field: 'PARLEY_OWNER_PASSWORD' },
      })
    })

    test.runIf(kind === 'postgres')('two processes that start at once make one owner', async () => {
      const other = await db.openAgain()
      const settings = { ...owner, key: 'the-same-key-for-both' }
      const both = await Promise.all([
        firstStart({ database: db.database, now: Date.now }, settings),
        firstStart({ database: other, now: Date.now }, { ...settings, email: 'another@localhost' }),
      ])
      expect(both.filter((one) => one.created)).toHaveLength(1)
      const rows = await db.database.read.selectFrom('users').selectAll().execute()
      expect(rows).toHaveLength(1)
    })
  })
