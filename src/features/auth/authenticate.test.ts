import { beforeAll, describe, expect, test } from 'vitest'
import { databaseKinds, useDatabase } from '#test/support/databases.ts'
import { refused } from '#test/support/refusal.ts'
import { type AccountRooms, accountRooms } from '#test/support/rooms.ts'
import type { Credentials } from './index.ts'

for (const kind of databaseKinds)
  describe(`authenticate on ${kind}`, () => {
    const db = useDatabase(kind)
    let rooms: AccountRooms
    beforeAll(() => {
      rooms = accountRooms(db.database)
    })
    const as = (credentials: Credentials) => rooms.auth.authenticate(credentials)

    test('nothing given', async () => {
      for (const credentials of [{}, { bearer: '', apiKey: '', cookie: '' }])
        await expect((async () => as(credentials))()).rejects.toMatchObject({
          code: 'unauthenticated',
          message: 'Authentication required',
        })
    })

    test('a login may do all that its role may', async () => {
      const { grant, principal } = await rooms.person()
      expect(principal).toMatchObject({ method: 'jwt', role: 'owner', scopes: new Set(['read', 'write', 'admin']) })
      expect(principal.key).toBeUndefined()
      expect(await as({ cookie: grant.sessionToken })).toMatchObject({ method: 'session', user: principal.user })
    })

    test('the first that is there decides, even when it is wrong and another is right', async () => {
      const ada = await rooms.person('ada')
      const bob = await rooms.person('bob')
      const key = await rooms.keyOf(bob.principal)
      const cookie = bob.grant.sessionToken
      expect(await as({ bearer: ada.grant.accessToken, apiKey: key.key, cookie })).toMatchObject({
        user: ada.principal.user,
      })
      expect(await as({ apiKey: key.key, cookie: ada.grant.sessionToken })).toMatchObject({ user: bob.principal.user })
      await refused('unauthenticated', () => as({ bearer: 'eyJ.wrong.token', apiKey: key.key, cookie }))
      await refused('unauthenticated', () => as({ bearer: 'parley_wrong', apiKey: key.key, cookie }))
      await refused('unauthenticated', () => as({ apiKey: 'parley_wrong', cookie }))
    })

    test('a key works as a bearer too', async () => {
      const { principal } = await rooms.person()
      const key = await rooms.keyOf(principal)
      expect(await as({ bearer: key.key })).toMatchObject({ method: 'api-key', user: principal.user })
    })

    test('what was seen is answered at once', async () => {
      const { principal, grant } = await rooms.person()
      const key = await rooms.keyOf(principal)
      for (const credentials of [{ apiKey: key.key }, { bearer: grant.accessToken }, { cookie: grant.sessionToken }]) {
        const first = await as(credentials)
        expect(as(credentials)).toBe(first)
      }
    })

    test('after some seconds the database is asked again', async () => {
      const { principal } = await rooms.person()
      const key = await rooms.keyOf(principal)
      expect(as({ apiKey: key.key })).not.toBeInstanceOf(Promise)
      await db.database.write((tx) =>
        tx.db.updateTable('api_keys').set({ revoked_at: 1 }).where('id', '=', key.principal.key!.id).execute(),
      )
      expect(as({ apiKey: key.key })).not.toBeInstanceOf(Promise)
      rooms.clock.now += 5000
      await refused('unauthenticated', () => as({ apiKey: key.key }))
    })

    test('tokens with an equal beginning are different tokens', async () => {
      const { principal, grant } = await rooms.person()
      const key = await rooms.keyOf(principal)
      await as({ apiKey: key.key })
      await as({ bearer: grant.accessToken })
      for (const cut of [1, 5, 20]) {
        await refused('unauthenticated', () => as({ apiKey: `${key.key.slice(0, -cut)}${'A'.repeat(cut)}x` }))
        await refused('unauthenticated', () => as({ apiKey: key.key.slice(0, -cut) }))
        await refused('unauthenticated', () => as({ bearer: grant.accessToken.slice(0, -cut) }))
      }
      await refused('unauthenticated', () => as({ apiKey: `${key.key} ` }))
    })

    test('a token remembered for one place is not accepted in another', async () => {
      const { grant, principal } = await rooms.person()
      const key = await rooms.keyOf(principal)
      await as({ bearer: grant.accessToken })
      await as({ cookie: grant.sessionToken })
      await as({ apiKey: key.key })
      await refused('unauthenticated', () => as({ cookie: grant.accessToken }))
      await refused('unauthenticated', () => as({ bearer: grant.sessionToken }))
      await refused('unauthenticated', () => as({ apiKey: grant.accessToken }))
      await refused('unauthenticated', () => as({ cookie: key.key }))
      await refused('unauthenticated', () => as({ bearer: grant.refreshToken }))
    })

    test.for([
      "' or '1'='1",
      '\0',
      '\ud800',
      '한국어',
      'x'.repeat(10_000_000),
      'eyJ.'.repeat(1_000_000),
      '%',
      '__proto__',
    ])('rubbish is refused everywhere (%#)', async (rubbish) => {
      for (const credentials of [{ bearer: rubbish }, { apiKey: rubbish }, { cookie: rubbish }])
        await refused('unauthenticated', () => as(credentials))
    })

    test('an expired access token is refused though it is remembered', async () => {
      const { grant } = await rooms.person()
      const start = rooms.clock.now
      rooms.clock.now = start + 30 * 60_000 - 2000
      await as({ bearer: grant.accessToken })
      rooms.clock.now = start + 30 * 60_000
      await refused('unauthenticated', () => as({ bearer: grant.accessToken }))
    })

    test('X-Workspace-Id chooses among the own workspaces', async () => {
      const { principal, grant } = await rooms.person()
      const stranger = await rooms.person()
      const second = (await rooms.workspaces.create(principal, { name: 'Second' })).ref
      const bearer = grant.accessToken
      expect((await as({ bearer })).workspace).toEqual(principal.workspace)
      expect((await as({ bearer, workspaceId: second.publicId.toUpperCase() })).workspace).toEqual(second)
      expect((await as({ bearer, workspaceId: '' })).workspace).toEqual(principal.workspace)
      for (const workspaceId of [stranger.principal.workspace.publicId, 'x', '\0', "' or 1=1"])
        await refused('not-found', () => as({ bearer, workspaceId }))
    })

    test("a key stays in its workspace, whatever its owner's others are", async () => {
      const { principal } = await rooms.person()
      const second = (await rooms.workspaces.create(principal, { name: 'Second' })).ref
      const { key } = await rooms.keyOf(principal)
      expect(await as({ apiKey: key, workspaceId: principal.workspace.publicId })).toMatchObject({ method: 'api-key' })
      await refused('not-found', () => as({ apiKey: key, workspaceId: second.publicId }))
    })

    test('a cookie alone reads; to change something the CSRF token of its session is needed', async () => {
      const { grant } = await rooms.person()
      const other = await rooms.person()
      const cookie = grant.sessionToken
      for (let round = 0; round < 2; round++) {
        await as({ cookie })
        await as({ cookie, unsafeMethod: true, csrfToken: grant.csrfToken })
        await refused('forbidden', () => as({ cookie, unsafeMethod: true }))
        for (const csrfToken of ['', 'x', other.grant.csrfToken])
          await refused('forbidden', () => as({ cookie, unsafeMethod: true, csrfToken }))
      }
      await as({ bearer: grant.accessToken, unsafeMethod: true })
    })

    test('a session is renewed while it lasts, also when the access token is old', async () => {
      const { grant, principal } = await rooms.person()
      rooms.clock.now += 3_600_000
      expect(await rooms.auth.renew(principal)).toMatchObject({ user: principal.user, role: 'owner' })
      const fresh = await rooms.auth.refresh(grant.refreshToken)
      await rooms.auth.logout(await as({ bearer: fresh.accessToken }))
      await refused('unauthenticated', () => rooms.auth.renew(principal))
    })

    test('a key is renewed until it is revoked', async () => {
      const { principal } = await rooms.person()
      const key = await rooms.keyOf(principal)
      expect(await rooms.auth.renew(key.principal)).toMatchObject({ method: 'api-key' })
      await rooms.keys.revoke(principal, key.id)
      await refused('unauthenticated', () => rooms.auth.renew(key.principal))
    })

    test("an app's token acts as a member on that app, until it is rotated or the app disabled", async () => {
      const { principal } = await rooms.person()
      const app = await rooms.apps.create(principal, { name: 'Public' })
      const visitor = rooms.auth.principalForApp(app)
      expect(visitor).toMatchObject({
        method: 'app-token',
        user: principal.user,
        workspace: principal.workspace,
        role: 'member',
        scopes: new Set(['read', 'write']),
        app: { publicId: app.publicId },
      })
      expect(await rooms.auth.renew(visitor)).toBe(visitor)
      await rooms.apps.update(principal, app.publicId, { enabled: false })
      await refused('forbidden', () => rooms.auth.renew(visitor))
      await refused('forbidden', async () =>
        rooms.auth.principalForApp((await rooms.apps.find(principal, app.publicId))!),
      )
      await rooms.apps.update(principal, app.publicId, { enabled: true })
      await rooms.apps.rotateToken(principal, app.publicId)
      await refused('unauthenticated', () => rooms.auth.renew(visitor))
    })
  })
