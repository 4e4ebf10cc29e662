import { beforeAll, describe, expect, test } from 'vitest'
import { databaseKinds, useDatabase } from '#test/support/databases.ts'
import { refused } from '#test/support/refusal.ts'
import { type AccountRooms, accountRooms } from '#test/support/rooms.ts'

const weekMs = 7 * 24 * 3_600_000

for (const kind of databaseKinds)
  describe(`login on ${kind}`, () => {
    const db = useDatabase(kind)
    let rooms: AccountRooms
    beforeAll(() => {
      rooms = accountRooms(db.database)
    })
    const use = (bearer: string) => rooms.auth.authenticate({ bearer })

    test('a wrong password and an unknown email sound the same', async () => {
      const { email, password } = await rooms.person()
      const answers = await Promise.allSettled([
        rooms.auth.login({ email, password: 'wrong password' }),
        rooms.auth.login({ email: 'nobody@example.org', password }),
      ])
      const [one, two] = answers.map((answer) => answer.status === 'rejected' && answer.reason)
      expect(one).toMatchObject({ code: 'unauthenticated', message: 'Email or password is wrong' })
      expect({ ...two, message: two.message }).toEqual({ ...one, message: one.message })
    })

    test('refresh tokens are random, kept as hashes, and make new ones', async () => {
      const { grant } = await rooms.person()
      expect(grant.refreshToken).toMatch(/^prt_[\w-]{43}$/)
      const stored = JSON.stringify(await db.database.read.selectFrom('sessions').selectAll().execute())
      expect(stored).not.toContain(grant.refreshToken)
      rooms.clock.now += 1000
      const next = await rooms.auth.refresh(grant.refreshToken)
      expect(next.refreshToken).not.toBe(grant.refreshToken)
      expect(next.expiresInSeconds).toBe(1800)
      expect(await use(next.accessToken)).toMatchObject({ method: 'jwt' })
    })

    test('a refresh token that was exchanged before ends its session', async () => {
      const { grant } = await rooms.person()
      const next = await rooms.auth.refresh(grant.refreshToken)
      await use(next.accessToken)
      await refused('unauthenticated', () => rooms.auth.refresh(grant.refreshToken))
      await refused('unauthenticated', () => use(next.accessToken))
      await refused('unauthenticated', () => use(grant.accessToken))
      await refused('unauthenticated', () => rooms.auth.authenticate({ cookie: grant.sessionToken }))
      await refused('unauthenticated', () => rooms.auth.refresh(next.refreshToken))
    })

    test('of two exchanges at once one is refused, and the session is over', async () => {
      const { grant } = await rooms.person()
      const both = await Promise.allSettled([
        rooms.auth.refresh(grant.refreshToken),
        rooms.auth.refresh(grant.refreshToken),
      ])
      expect(both.map((one) => one.status).sort()).toEqual(['fulfilled', 'rejected'])
      await refused('unauthenticated', () => use(grant.accessToken))
    })

    test('a session ends a week after it was last refreshed', async () => {
      const { grant } = await rooms.person()
      rooms.clock.now += weekMs - 1
      const next = await rooms.auth.refresh(grant.refreshToken)
      rooms.clock.now += weekMs - 1
      const last = await rooms.auth.refresh(next.refreshToken)
      rooms.clock.now += weekMs
      await refused('unauthenticated', () => rooms.auth.refresh(last.refreshToken))
      await refused('unauthenticated', () => rooms.auth.authenticate({ cookie: last.sessionToken }))
    })

    test.for(['', 'prt_', '\0', "' or 1=1", 'x'.repeat(100_000)])('%# is no refresh token', async (token) => {
      await refused('unauthenticated', () => rooms.auth.refresh(token))
    })

    test('logging out ends this session at once and no other', async () => {
      const { email, password, grant, principal } = await rooms.person()
      const elsewhere = await rooms.auth.login({ email, password })
      await rooms.auth.logout(principal)
      await refused('unauthenticated', () => use(grant.accessToken))
      await refused('unauthenticated', () => rooms.auth.authenticate({ cookie: grant.sessionToken }))
      await refused('unauthenticated', () => rooms.auth.refresh(grant.refreshToken))
      await use(elsewhere.accessToken)
    })

    test('who logged out everywhere by a clock that was ahead can log in when it is right again', async () => {
      const { email, password, principal } = await rooms.person()
      rooms.clock.now += 3_600_000
      await rooms.auth.logout(principal, true)
      rooms.clock.now -= 3_600_000
      const { accessToken, refreshToken } = await rooms.auth.login({ email, password })
      expect(await use(accessToken)).toMatchObject({ method: 'jwt' })
      expect(await use((await rooms.auth.refresh(refreshToken)).accessToken)).toMatchObject({ method: 'jwt' })
    })

    test('logging out everywhere ends all', async () => {
      const { email, password, grant, principal } = await rooms.person()
      const elsewhere = await rooms.auth.login({ email, password })
      await use(elsewhere.accessToken)
      rooms.clock.now += 1
      await rooms.auth.logout(principal, true)
      for (const token of [grant.accessToken, elsewhere.accessToken]) await refused('unauthenticated', () => use(token))
      await rooms.auth.login({ email, password })
    })

    test('a key has nothing to log out of', async () => {
      const { principal } = await rooms.person()
      const key = await rooms.keyOf(principal)
      await refused('invalid-request', () => rooms.auth.logout(key.principal))
    })

    test('a login that verified the old password does not survive its change', async () => {
      const { email, password, principal } = await rooms.person()
      const [login, change] = await Promise.allSettled([
        rooms.auth.login({ email, password }),
        rooms.users.changePassword(principal, { currentPassword: password, newPassword: 'new password' }),
      ])
      expect(change.status).toBe('fulfilled')
      if (login.status === 'fulfilled') await refused('unauthenticated', () => use(login.value.accessToken))
    })

    test('sessions that ended long ago are forgotten, others are not', async () => {
      const { grant, email, password } = await rooms.person()
      rooms.clock.now += 40 * 24 * 3_600_000
      const fresh = await rooms.auth.login({ email, password })
      await rooms.auth.pruneSessions()
      await use(fresh.accessToken)
      await refused('unauthenticated', () => rooms.auth.refresh(grant.refreshToken))
      const rows = await db.database.read.selectFrom('sessions').select('expires_at').execute()
      expect(rows.every((row) => row.expires_at > rooms.clock.now - 31 * 24 * 3_600_000)).toBe(true)
    })
  })
