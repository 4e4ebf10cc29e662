import { beforeAll, describe, expect, test } from 'vitest'
import { sha256 } from '#lib/hash.ts'
import { databaseKinds, useDatabase } from '#test/support/databases.ts'
import { refused } from '#test/support/refusal.ts'
import { type AccountRooms, accountRooms } from '#test/support/rooms.ts'

for (const kind of databaseKinds)
  describe(`keys on ${kind}`, () => {
    const db = useDatabase(kind)
    let rooms: AccountRooms
    beforeAll(() => {
      rooms = accountRooms(db.database)
    })
    const use = (apiKey: string) => rooms.auth.authenticate({ apiKey })

    /** An owner, and a member of his workspace acting in it. */
    async function team() {
      const owner = await rooms.person('owner')
      const member = await rooms.person('member')
      const workspaceId = owner.principal.workspace.publicId
      await rooms.workspaces.addMember(owner.principal, workspaceId, { user: { email: member.email }, role: 'member' })
      const principal = await rooms.auth.authenticate({ bearer: member.grant.accessToken, workspaceId })
      return { owner: owner.principal, member: principal, workspaceId }
    }

    test('a key is shown once and kept as its hash', async () => {
      const { owner, workspaceId } = await team()
      const made = await rooms.keys.create(owner, { name: ' CI ', description: 'for tests', expiresInDays: 2 })
      expect(made.key).toMatch(/^parley_[\w-]{43}$/)
      expect(made).toMatchObject({
        name: 'CI',
        rate_limit: 100,
        scopes: ['*'],
        is_active: true,
        workspace_id: workspaceId,
      })
      expect(Date.parse(made.expires_at!)).toBe(rooms.clock.now + 2 * 86_400_000)
      const [listed] = await rooms.keys.list(owner, workspaceId)
      expect(JSON.stringify(listed)).not.toContain(made.key)
      expect(made.key.startsWith(listed!.key_hint)).toBe(true)
      const row = await db.database.read
        .selectFrom('api_keys')
        .selectAll()
        .where('public_id', '=', made.id)
        .executeTakeFirstOrThrow()
      expect(row.key_hash).toBe(sha256(made.key))
      expect(JSON.stringify(row)).not.toContain(made.key)
    })

    test.for([
      [{ name: '' }, 'name'],
      [{ name: 'a\0b' }, 'name'],
      [{ description: '\ud800' }, 'description'],
      [{ scopes: ['root'] }, 'scopes'],
      [{ scopes: [] }, 'scopes'],
      [{ rateLimit: 0 }, 'rate_limit'],
      [{ rateLimit: 1_000_001 }, 'rate_limit'],
      [{ rateLimit: 1.5 }, 'rate_limit'],
      [{ rateLimit: Number.NaN }, 'rate_limit'],
      [{ expiresInDays: 0 }, 'expires_in_days'],
      [{ expiresInDays: 3651 }, 'expires_in_days'],
    ] as const)('refuses %j', async ([wrong, field]) => {
      const { owner } = await team()
      await refused('invalid-request', () => rooms.keys.create(owner, { name: 'k', ...wrong } as never), field)
    })

    test('a revoked key is refused immediately, though it was just used', async () => {
      const { owner } = await team()
      const { key, id } = await rooms.keyOf(owner)
      expect(use(key)).not.toBeInstanceOf(Promise)
      await rooms.keys.revoke(owner, id)
      await refused('unauthenticated', () => use(key))
      await refused('not-found', () => rooms.keys.get(owner, id))
    })

    test('a key that is being looked up while it is revoked is not remembered', async () => {
      const { owner } = await team()
      const made = await rooms.keys.create(owner, { name: 'race' })
      const [, ...uses] = await Promise.allSettled([
        rooms.keys.revoke(owner, made.id),
        ...Array.from({ length: 20 }, async () => use(made.key)),
      ])
      expect(uses).toHaveLength(20)
      await refused('unauthenticated', () => use(made.key))
    })

    test('rotation keeps the id and voids the old secret at once', async () => {
      const { owner } = await team()
      const { key, id } = await rooms.keyOf(owner, { scopes: ['read'], rateLimit: 7 })
      const rotated = await rooms.keys.rotate(owner, id)
      expect(rotated).toMatchObject({ id, scopes: ['read'], rate_limit: 7 })
      expect(rotated.key).not.toBe(key)
      await refused('unauthenticated', () => use(key))
      expect(await use(rotated.key)).toMatchObject({ key: { publicId: id, ratePerMinute: 7 } })
      expect(await rooms.keys.list(owner, owner.workspace.publicId)).toHaveLength(1)
    })

    test('of two rotations at once the secret of one works', async () => {
      const { owner } = await team()
      const { id } = await rooms.keyOf(owner)
      const both = await Promise.allSettled([rooms.keys.rotate(owner, id), rooms.keys.rotate(owner, id)])
      let working = 0
      for (const one of both) {
        if (one.status === 'rejected') expect(one.reason).toMatchObject({ code: 'conflict' })
        else
          working += await Promise.resolve(one.value.key)
            .then(use)
            .then(
              () => 1,
              () => 0,
            )
      }
      expect(working).toBe(1)
    })

    test('an expired key is refused though it was just used', async () => {
      const { owner } = await team()
      const { key, id } = await rooms.keyOf(owner, { expiresInDays: 1 })
      const before = rooms.clock.now
      rooms.clock.now = before + 86_400_000 - 1
      await use(key)
      rooms.clock.now = before + 86_400_000
      await refused('unauthenticated', () => use(key))
      expect(await rooms.keys.get(owner, id)).toMatchObject({ is_active: false })
      rooms.clock.now = before
    })

    test('narrowed scopes count at once', async () => {
      const { owner } = await team()
      const { key, id } = await rooms.keyOf(owner)
      const patched = await rooms.keys.update(owner, id, { scopes: ['read'], name: 'reader', description: 'reads' })
      expect(patched).toMatchObject({ scopes: ['read'], name: 'reader', description: 'reads' })
      expect([...(await use(key)).scopes]).toEqual(['read'])
    })

    test('fields that a change does not name stay what they are, whatever else it carries', async () => {
      const { owner } = await team()
      const { id } = await rooms.keyOf(owner)
      const change = {
        name: 'new',
        rate_limit: 9999,
        rateLimit: 9999,
        user_id: 1,
        workspace_id: 1,
        id: 'x',
        key_hash: 'x',
      }
      expect(await rooms.keys.update(owner, id, change)).toMatchObject({ id, name: 'new', rate_limit: 100 })
    })

    test('a key makes nothing wider than itself', async () => {
      const { owner } = await team()
      const narrow = await rooms.keyOf(owner, { scopes: ['read', 'admin'], rateLimit: 50, expiresInDays: 10 })
      const create = (input: object) => rooms.keys.create(narrow.principal, { name: 'child', ...input })
      await refused('forbidden', () => create({ scopes: ['*'] }), 'scopes')
      await refused('forbidden', () => create({ scopes: ['write'] }), 'scopes')
      await refused('forbidden', () => create({ rateLimit: 51 }), 'rate_limit')
      await refused('forbidden', () => create({ expiresInDays: 11 }), 'expires_in_days')
      await refused('forbidden', () => rooms.keys.update(narrow.principal, narrow.id, { scopes: ['*'] }), 'scopes')
      const child = await create({})
      expect(child).toMatchObject({ scopes: ['read', 'admin'], rate_limit: 50, expires_at: narrow.expires_at })
    })

    test('a key takes over no wider key by rotating it', async () => {
      const { owner } = await team()
      const wide = await rooms.keyOf(owner)
      const narrow = await rooms.keyOf(owner, { scopes: ['admin'] })
      await refused('forbidden', () => rooms.keys.rotate(narrow.principal, wide.id), 'scopes')
      const brief = await rooms.keyOf(owner, { expiresInDays: 1 })
      await refused('forbidden', () => rooms.keys.rotate(brief.principal, wide.id), 'expires_at')
    })

    test('without the scope admin a key manages itself and no other', async () => {
      const { owner } = await team()
      const writer = await rooms.keyOf(owner, { scopes: ['read', 'write'] })
      const other = await rooms.keyOf(owner, { scopes: ['read'] })
      await refused('forbidden', () => rooms.keys.create(writer.principal, { name: 'child', scopes: ['read'] }))
      await refused('forbidden', () => rooms.keys.revoke(writer.principal, other.id))
      await refused('forbidden', () => rooms.keys.rotate(writer.principal, other.id))
      const rotated = await rooms.keys.rotate(writer.principal, writer.id)
      await rooms.keys.revoke((await use(rotated.key)) as never, writer.id)
      await refused('unauthenticated', () => use(rotated.key))
    })

    test('administrators see and revoke the keys of all, members their own', async () => {
      const { owner, member, workspaceId } = await team()
      const theirs = await rooms.keyOf(member)
      const mine = await rooms.keyOf(owner)
      expect((await rooms.keys.list(owner, workspaceId)).map((one) => one.id)).toEqual([mine.id, theirs.id])
      expect((await rooms.keys.list(member, workspaceId)).map((one) => one.id)).toEqual([theirs.id])
      await refused('not-found', () => rooms.keys.get(member, mine.id))
      await refused('not-found', () => rooms.keys.update(member, mine.id, { scopes: ['read'] }))
      await refused('not-found', () => rooms.keys.rotate(member, mine.id))
      await refused('not-found', () => rooms.keys.revoke(member, mine.id))
      await rooms.keys.revoke(owner, theirs.id)
      await refused('unauthenticated', () => use(theirs.key))
    })

    test("an administrator does not get hold of, or widen, somebody else's key", async () => {
      const { owner, member } = await team()
      const theirs = await rooms.keyOf(member, { scopes: ['read'] })
      await refused('forbidden', () => rooms.keys.rotate(owner, theirs.id))
      await refused('forbidden', () => rooms.keys.update(owner, theirs.id, { scopes: ['*'] }), 'scopes')
    })

    test('keys of another workspace do not exist', async () => {
      const { owner } = await team()
      const stranger = await team()
      const { id } = await rooms.keyOf(owner)
      for (const ask of [
        () => rooms.keys.get(stranger.owner, id),
        () => rooms.keys.update(stranger.owner, id, { name: 'mine' }),
        () => rooms.keys.revoke(stranger.owner, id),
        () => rooms.keys.rotate(stranger.owner, id),
        () => rooms.keys.stats(stranger.owner, id, 7),
        () => rooms.keys.list(stranger.owner, owner.workspace.publicId),
        () => rooms.keys.create(stranger.owner, { name: 'k', workspaceId: owner.workspace.publicId }),
        () => rooms.keys.get(owner, '\0'),
      ])
        await refused('not-found', ask)
    })

    test('a key does not reach the other workspaces of its owner', async () => {
      const { owner } = await team()
      const second = await rooms.workspaces.create(owner, { name: 'Second' })
      const inSecond = await rooms.keys.create(owner, { name: 'k', workspaceId: second.ref.publicId })
      const { principal } = await rooms.keyOf(owner)
      await refused('not-found', () => rooms.keys.get(principal, inSecond.id))
      await refused('not-found', () => rooms.keys.create(principal, { name: 'k', workspaceId: second.ref.publicId }))
    })

    test("an app's access token makes no key", async () => {
      const { owner } = await team()
      const principal = rooms.auth.principalForApp(await rooms.apps.create(owner, { name: 'Public' }))
      await refused('forbidden', () => rooms.keys.create(principal, { name: 'k' }))
      await refused('forbidden', () => rooms.keys.list(principal, owner.workspace.publicId))
    })
  })
