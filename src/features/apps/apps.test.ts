import { beforeAll, describe, expect, test } from 'vitest'
import type { AuthPrincipal } from '#features/auth/index.ts'
import { databaseKinds, useDatabase } from '#test/support/databases.ts'
import { refused } from '#test/support/refusal.ts'
import { type AccountRooms, accountRooms } from '#test/support/rooms.ts'
import { presentApp } from './index.ts'

for (const kind of databaseKinds)
  describe(`apps on ${kind}`, () => {
    const db = useDatabase(kind)
    let rooms: AccountRooms
    let owner: AuthPrincipal
    beforeAll(async () => {
      rooms = accountRooms(db.database)
      owner = (await rooms.person('owner')).principal
    })

    async function memberOf(principal: AuthPrincipal) {
      const person = await rooms.person('member')
      const workspaceId = principal.workspace.publicId
      await rooms.workspaces.addMember(principal, workspaceId, { user: { email: person.email }, role: 'member' })
      return rooms.auth.authenticate({ bearer: person.grant.accessToken, workspaceId })
    }

    test('an app is made with defaults, a slug of its name and a token', async () => {
      const app = await rooms.apps.create(owner, { name: ' Support Bot ' })
      expect(app).toMatchObject({
        name: 'Support Bot',
        slug: 'support-bot',
        type: 'chat',
        enabled: true,
        workspace: owner.workspace,
        createdBy: owner.user,
        config: { model: 'auto', historyLength: 20 },
      })
      expect(app.accessToken).toMatch(/^pat_[\w-]{43}$/)
      expect(presentApp(app, owner)).toMatchObject({
        id: app.publicId,
        access_token: app.accessToken,
        context_strategy: 'truncate',
        temperature: null,
      })
    })

    test('a slug made from a name gets out of the way, one asked for is refused', async () => {
      await rooms.apps.create(owner, { name: 'Same' })
      expect((await rooms.apps.create(owner, { name: 'Same' })).slug).toMatch(/^same-[a-z0-9]{8}$/)
      await refused('conflict', () => rooms.apps.create(owner, { name: 'Other', slug: 'same' }), 'slug')
      const other = await rooms.apps.create(owner, { name: 'Other' })
      await refused('conflict', () => rooms.apps.update(owner, other.publicId, { slug: 'same' }), 'slug')
      expect((await rooms.apps.create(owner, { name: '한국어' })).slug).toMatch(/^app-[a-z0-9]{8}$/)
    })

    test('the same slug lives in another workspace', async () => {
      const stranger = (await rooms.person()).principal
      const mine = await rooms.apps.create(owner, { name: 'Everywhere' })
      const theirs = await rooms.apps.create(stranger, { name: 'Everywhere' })
      expect(theirs.slug).toBe(mine.slug)
      expect((await rooms.apps.find(stranger, 'everywhere'))?.publicId).toBe(theirs.publicId)
      expect((await rooms.apps.find(owner, 'EVERYWHERE'))?.publicId).toBe(mine.publicId)
    })

    test('an app is found by id and slug; rubbish finds nothing', async () => {
      const app = await rooms.apps.create(owner, { name: 'Findable' })
      expect(await rooms.apps.find(owner, app.publicId.toUpperCase())).toEqual(app)
      for (const text of ['', '\0', '%', '../findable', "x' or 1=1", 'a'.repeat(1000), app.accessToken])
        expect(await rooms.apps.find(owner, text)).toBeUndefined()
      expect(await rooms.apps.findByToken(app.accessToken)).toEqual(app)
      for (const token of ['', 'pat_', `${app.accessToken}x`, app.accessToken.slice(0, -1), app.publicId, '\0'])
        expect(await rooms.apps.findByToken(token)).toBeUndefined()
    })

    test('what was seen is answered at once, and a change is seen at once', async () => {
      const { publicId, accessToken } = await rooms.apps.create(owner, { name: 'Cached' })
      const first = await rooms.apps.getForTurn(owner, publicId)
      expect(rooms.apps.getForTurn(owner, publicId)).toBe(first)
      await rooms.apps.findByToken(accessToken)
      await rooms.apps.update(owner, publicId, { config: { model: 'new' } })
      expect((await rooms.apps.getForTurn(owner, publicId)).config.model).toBe('new')
      expect((await rooms.apps.findByToken(accessToken))?.config.model).toBe('new')
      const rotated = await rooms.apps.rotateToken(owner, publicId)
      expect(await rooms.apps.findByToken(accessToken)).toBeUndefined()
      expect((await rooms.apps.findByToken(rotated.accessToken))?.publicId).toBe(publicId)
      await rooms.apps.remove(owner, publicId)
      await refused('not-found', () => rooms.apps.getForTurn(owner, publicId))
      expect(await rooms.apps.findByToken(rotated.accessToken)).toBeUndefined()
    })

    test('a disabled app takes no turn', async () => {
      const { publicId } = await rooms.apps.create(owner, { name: 'Off', enabled: false })
      await refused('forbidden', () => rooms.apps.getForTurn(owner, publicId))
      await rooms.apps.update(owner, publicId, { enabled: true })
      expect(await rooms.apps.getForTurn(owner, publicId)).toMatchObject({ enabled: true })
    })

    test("another workspace's app does not exist, also when it is remembered", async () => {
      const stranger = (await rooms.person()).principal
      const { publicId, slug } = await rooms.apps.create(owner, { name: 'Private' })
      await rooms.apps.getForTurn(owner, publicId)
      for (const ask of [
        () => rooms.apps.getForTurn(stranger, publicId),
        () => rooms.apps.get(stranger, publicId),
        () => rooms.apps.get(stranger, slug),
        () => rooms.apps.update(stranger, publicId, { name: 'Mine' }),
        () => rooms.apps.remove(stranger, publicId),
        () => rooms.apps.rotateToken(stranger, publicId),
      ])
        await refused('not-found', ask)
      expect((await rooms.apps.list(stranger)).map((app) => app.publicId)).not.toContain(publicId)
    })

    test('members use apps and do not change them or see their tokens', async () => {
      const member = await memberOf(owner)
      const app = await rooms.apps.create(owner, { name: 'Shared' })
      expect(presentApp(await rooms.apps.get(member, app.publicId), member)).not.toHaveProperty('access_token')
      await rooms.apps.getForTurn(member, app.publicId)
      for (const ask of [
        () => rooms.apps.create(member, { name: 'Mine' }),
        () => rooms.apps.update(member, app.publicId, { config: { systemPrompt: 'Obey me' } }),
        () => rooms.apps.remove(member, app.publicId),
        () => rooms.apps.rotateToken(member, app.publicId),
      ])
        await refused('forbidden', ask)
    })

    test('a key that only reads changes nothing and sees no token', async () => {
      const reader = await rooms.keyOf(owner, { scopes: ['read'] })
      const app = await rooms.apps.create(owner, { name: 'Read only' })
      expect(presentApp(app, reader.principal)).not.toHaveProperty('access_token')
      await refused('forbidden', () => rooms.apps.update(reader.principal, app.publicId, { name: 'x' }))
    })

    test("an app's token opens that app and nothing else", async () => {
      const app = await rooms.apps.create(owner, { name: 'Open' })
      const other = await rooms.apps.create(owner, { name: 'Closed' })
      const visitor = rooms.auth.principalForApp(app)
      expect(presentApp(await rooms.apps.getForTurn(visitor, app.publicId), visitor)).not.toHaveProperty('access_token')
      await refused('not-found', () => rooms.apps.getForTurn(visitor, other.publicId))
      expect(await rooms.apps.find(visitor, other.slug)).toBeUndefined()
      await refused('forbidden', () => rooms.apps.list(visitor))
      await refused('forbidden', () => rooms.apps.update(visitor, app.publicId, { name: 'x' }))
      await refused('forbidden', () => rooms.apps.rotateToken(visitor, app.publicId))
    })

    test('what a change does not name stays, and the type stays anyway', async () => {
      const definition = { nodes: [{ id: 'start', text: '\0 \ud800' }], edges: [] }
      const made = await rooms.apps.create(owner, {
        name: 'Flow',
        type: 'workflow',
        config: { definition, temperature: 0.2 },
      })
      const changed = await rooms.apps.update(owner, made.publicId, { description: 'new', type: 'workflow' })
      expect(changed).toMatchObject({ name: 'Flow', description: 'new', slug: 'flow', accessToken: made.accessToken })
      expect(changed.config).toEqual(made.config)
      expect(changed.config.definition).toEqual(definition)
      await refused('invalid-request', () => rooms.apps.update(owner, made.publicId, { type: 'chat' }), 'type')
      const injected = { workspaceId: 1, workspace: { id: 1 }, publicId: 'x', accessToken: 'pat_mine', createdBy: 1 }
      expect(await rooms.apps.update(owner, made.publicId, injected as object)).toMatchObject({
        publicId: made.publicId,
        workspace: made.workspace,
        accessToken: made.accessToken,
        createdBy: made.createdBy,
      })
    })

    test('of two changes at once none is lost silently', async () => {
      const { publicId } = await rooms.apps.create(owner, { name: 'Contended' })
      const both = await Promise.allSettled([
        rooms.apps.update(owner, publicId, { config: { temperature: 1 } }),
        rooms.apps.update(owner, publicId, { config: { topP: 0.5 } }),
      ])
      const { sampling } = (await rooms.apps.get(owner, publicId)).config
      expect([sampling.temperature === 1, sampling.topP === 0.5]).toEqual(both.map((one) => one.status === 'fulfilled'))
      for (const one of both) if (one.status === 'rejected') expect(one.reason).toMatchObject({ code: 'conflict' })
    })

    test('apps are listed oldest first, by type when asked', async () => {
      const { principal } = await rooms.person()
      await rooms.apps.create(principal, { name: 'One' })
      await rooms.apps.create(principal, { name: 'Two', type: 'channel' })
      expect((await rooms.apps.list(principal)).map((app) => app.name)).toEqual(['One', 'Two'])
      expect((await rooms.apps.list(principal, { type: 'channel' })).map((app) => app.name)).toEqual(['Two'])
      await refused('invalid-request', () => rooms.apps.list(principal, { type: 'x' }), 'type')
    })

    test.for([
      [{ name: '' }, 'name'],
      [{ name: '\ud800' }, 'name'],
      [{ name: 'a', description: '\0' }, 'description'],
      [{ name: 'a', type: 'agent' }, 'type'],
      [{ name: 'a', slug: 'A B' }, 'slug'],
      [{ name: 'a', config: { definition: {} } }, 'definition'],
    ] as const)('refuses %j', async ([input, field]) => {
      await refused('invalid-request', () => rooms.apps.create(owner, input), field)
    })
  })
