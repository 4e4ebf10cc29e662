import { beforeAll, describe, expect, test } from 'vitest'
import { databaseKinds, useDatabase } from '#test/support/databases.ts'
import { refused } from '#test/support/refusal.ts'
import { type AccountRooms, accountRooms } from '#test/support/rooms.ts'

for (const kind of databaseKinds)
  describe(`accounts on ${kind}`, () => {
    const db = useDatabase(kind)
    let rooms: AccountRooms
    beforeAll(() => {
      rooms = accountRooms(db.database)
    })

    test('an email is one account, however it is written', async () => {
      await rooms.users.create({ email: 'Ada@Example.org', password: 'long enough', name: 'Ada' })
      await refused(
        'conflict',
        () => rooms.users.create({ email: ' ada@example.ORG', password: 'long enough' }),
        'email',
      )
      expect(await rooms.users.find({ email: 'ADA@example.org' })).toMatchObject({ name: 'Ada', isAdmin: false })
    })

    test('two that register the same email at once make one account', async () => {
      const input = { email: 'twice@example.org', password: 'long enough' }
      const both = await Promise.allSettled([rooms.auth.register(input), rooms.auth.register(input)])
      expect(both.map((one) => one.status).sort()).toEqual(['fulfilled', 'rejected'])
      expect(both.find((one) => one.status === 'rejected')).toMatchObject({ reason: { code: 'conflict' } })
    })

    test.for([
      [{ email: 'x' }, 'email'],
      [{ password: 'short' }, 'password'],
      [{ name: 'a\0b' }, 'full_name'],
      [{ name: '\udc00' }, 'full_name'],
    ] as const)('refuses %j', async ([wrong, field]) => {
      const input = { email: 'fine@example.org', password: 'long enough', ...wrong }
      await refused('invalid-request', () => rooms.users.create(input), field)
    })

    test('an id that is none finds nobody', async () => {
      for (const publicId of ['', '\0', '1 or 1=1', 'a'.repeat(100)])
        expect(await rooms.users.find({ publicId })).toBeUndefined()
    })

    test('the name is changed freely, the email only with the password', async () => {
      const { principal, password } = await rooms.person('bob')
      expect(await rooms.users.update(principal, { name: ' Bob B. ' })).toMatchObject({ name: 'Bob B.' })
      const email = 'bob-new@example.org'
      await refused('invalid-request', () => rooms.users.update(principal, { email }), 'current_password')
      await refused('invalid-request', () => rooms.users.update(principal, { email, currentPassword: 'guess' }))
      expect(await rooms.users.update(principal, { email, currentPassword: password })).toMatchObject({ email })
      await rooms.auth.login({ email, password })
    })

    test('no key changes an account', async () => {
      const { principal, password } = await rooms.person()
      const key = await rooms.keyOf(principal)
      await refused('forbidden', () => rooms.users.update(key.principal, { name: 'Mallory' }))
      const change = { currentPassword: password, newPassword: 'new password' }
      await refused('forbidden', () => rooms.users.changePassword(key.principal, change))
    })

    test('a new password ends every session at once and keeps the keys', async () => {
      const { principal, grant, email, password } = await rooms.person()
      const key = await rooms.keyOf(principal)
      const elsewhere = await rooms.auth.login({ email, password })
      await rooms.auth.authenticate({ bearer: elsewhere.accessToken })
      await refused('invalid-request', () =>
        rooms.auth.changePassword(principal, { currentPassword: 'wrong one', newPassword: 'new password' }),
      )
      rooms.clock.now += 5
      const fresh = await rooms.auth.changePassword(principal, {
        currentPassword: password,
        newPassword: 'new password',
      })
      for (const bearer of [grant.accessToken, elsewhere.accessToken])
        await refused('unauthenticated', () => rooms.auth.authenticate({ bearer }))
      await refused('unauthenticated', () => rooms.auth.refresh(elsewhere.refreshToken))
      await refused('unauthenticated', () => rooms.auth.renew(principal))
      await refused('unauthenticated', () => rooms.auth.login({ email, password }))
      expect(await rooms.auth.authenticate({ bearer: fresh.accessToken })).toMatchObject({ method: 'jwt' })
      expect(await rooms.auth.authenticate({ apiKey: key.key })).toMatchObject({ method: 'api-key' })
    })

    test('a disabled user is refused at once with everything he has', async () => {
      const { principal, grant, email, password } = await rooms.person()
      const key = await rooms.keyOf(principal)
      const app = await rooms.apps.create(principal, { name: 'An app' })
      await rooms.auth.authenticate({ cookie: grant.sessionToken })
      await rooms.apps.findByToken(app.accessToken)
      await rooms.users.setDisabled(principal.user.id, true)
      await refused('unauthenticated', () => rooms.auth.authenticate({ bearer: grant.accessToken }))
      await refused('unauthenticated', () => rooms.auth.authenticate({ cookie: grant.sessionToken }))
      await refused('unauthenticated', () => rooms.auth.authenticate({ apiKey: key.key }))
      await refused('unauthenticated', () => rooms.auth.login({ email, password }))
      await refused('unauthenticated', () => rooms.auth.refresh(grant.refreshToken))
      await refused('unauthenticated', async () =>
        rooms.auth.principalForApp((await rooms.apps.findByToken(app.accessToken))!),
      )
      await rooms.users.setDisabled(principal.user.id, false)
      await refused('unauthenticated', () => rooms.auth.authenticate({ bearer: grant.accessToken }))
      await rooms.auth.login({ email, password })
    })

    test('who administers the server is told by the account alone', async () => {
      const { principal } = await rooms.person()
      expect(await rooms.users.isServerAdmin(principal.user.id)).toBe(false)
      const admin = await rooms.users.create({ email: 'root@example.org', password: 'long enough', isAdmin: true })
      expect(await rooms.users.isServerAdmin(admin.id)).toBe(true)
    })
  })
