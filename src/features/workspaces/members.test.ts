import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { WorkspaceRole } from '#contracts/index.ts'
import type { AuthPrincipal } from '#features/auth/index.ts'
import { databaseKinds, useDatabase } from '#test/support/databases.ts'
import { refused } from '#test/support/refusal.ts'
import { type AccountRooms, accountRooms } from '#test/support/rooms.ts'

type Person = Awaited<ReturnType<AccountRooms['person']>>

for (const kind of databaseKinds)
  describe(`members on ${kind}`, () => {
    const db = useDatabase(kind)
    let rooms: AccountRooms
    let owner: Person
    let ws: string
    beforeAll(() => {
      rooms = accountRooms(db.database)
    })
    beforeEach(async () => {
      owner = await rooms.person('owner')
      ws = owner.principal.workspace.publicId
    })

    /** Somebody new in the workspace, acting in it. */
    async function joined(role: WorkspaceRole): Promise<Person> {
      const person = await rooms.person(role)
      await rooms.workspaces.addMember(owner.principal, ws, { user: { email: person.email }, role })
      const principal = await rooms.auth.authenticate({ bearer: person.grant.accessToken, workspaceId: ws })
      return { ...person, principal }
    }
    const setRole = (who: AuthPrincipal, whom: Person, role: string) =>
      rooms.workspaces.setRole(who, ws, whom.principal.user.publicId, role)
    const remove = (who: AuthPrincipal, whom: Person) =>
      rooms.workspaces.removeMember(who, ws, whom.principal.user.publicId)

    test('a workspace is made with its owner and listed with the role', async () => {
      const made = await rooms.workspaces.create(owner.principal, { name: ' Second ' })
      expect(made).toMatchObject({ name: 'Second', role: 'owner' })
      expect((await rooms.workspaces.list(owner.principal)).map((one) => one.name)).toEqual([
        "owner's workspace",
        'Second',
      ])
      await refused('invalid-request', () => rooms.workspaces.create(owner.principal, { name: 'a\0' }), 'name')
    })

    test("another's workspace does not exist", async () => {
      const stranger = await rooms.person()
      await refused('not-found', () => rooms.workspaces.get(stranger.principal, ws))
      await refused('not-found', () => rooms.workspaces.members(stranger.principal, ws))
      await refused('not-found', () => setRole(stranger.principal, stranger, 'owner'))
      await refused('not-found', () =>
        rooms.workspaces.addMember(stranger.principal, ws, { user: { email: stranger.email }, role: 'owner' }),
      )
      for (const id of ['', '\0', "' or 1=1", '../'])
        await refused('not-found', () => rooms.workspaces.get(owner.principal, id))
    })

    test('a new role counts at once', async () => {
      const member = await joined('member')
      const credentials = { bearer: member.grant.accessToken, workspaceId: ws }
      expect(await rooms.auth.authenticate(credentials)).toMatchObject({ role: 'member' })
      await setRole(owner.principal, member, 'admin')
      expect(await rooms.auth.authenticate(credentials)).toMatchObject({ role: 'admin' })
      expect(await rooms.auth.renew(member.principal)).toMatchObject({ role: 'admin' })
    })

    test('nobody raises himself, and an administrator does not govern owners', async () => {
      const member = await joined('member')
      const admin = await joined('admin')
      await refused('forbidden', () => setRole(member.principal, member, 'admin'))
      await refused('forbidden', () => setRole(member.principal, member, 'owner'))
      await refused('forbidden', () => setRole(admin.principal, admin, 'owner'))
      await refused('forbidden', () => setRole(admin.principal, member, 'owner'))
      await refused('forbidden', () => setRole(admin.principal, owner, 'member'))
      await refused('forbidden', () => remove(admin.principal, owner))
      await refused('forbidden', () => remove(member.principal, admin))
      await refused('forbidden', () =>
        rooms.workspaces.addMember(admin.principal, ws, { user: { email: owner.email }, role: 'owner' }),
      )
      expect(await setRole(admin.principal, member, 'admin')).toMatchObject({ role: 'admin' })
    })

    test('a role that was true when the request came does not help after it was taken', async () => {
      const admin = await joined('admin')
      await setRole(owner.principal, admin, 'member')
      await refused('forbidden', () => setRole(admin.principal, admin, 'admin'))
    })

    test.for(['root', 'Owner', '', '__proto__', 'owner '])('%j is no role', async (role) => {
      await refused('invalid-request', () => setRole(owner.principal, owner, role), 'role')
    })

    test('the last owner cannot go, the last but one can', async () => {
      await refused('conflict', () => remove(owner.principal, owner))
      await refused('conflict', () => setRole(owner.principal, owner, 'member'))
      const second = await joined('owner')
      await rooms.users.setDisabled(second.principal.user.id, true)
      await refused('conflict', () => remove(owner.principal, owner))
      await rooms.users.setDisabled(second.principal.user.id, false)
      expect(await setRole(owner.principal, owner, 'member')).toMatchObject({ role: 'member' })
    })

    test('two owners who leave at once do not leave the workspace without one', async () => {
      const second = await joined('owner')
      const both = await Promise.allSettled([remove(owner.principal, owner), remove(second.principal, second)])
      expect(both.map((one) => one.status).sort()).toEqual(['fulfilled', 'rejected'])
    })

    test('who was removed is out at once, and his keys do not come back with him', async () => {
      const member = await joined('member')
      const key = await rooms.keyOf(member.principal)
      const credentials = { bearer: member.grant.accessToken, workspaceId: ws }
      await remove(owner.principal, member)
      await refused('not-found', () => rooms.auth.authenticate(credentials))
      await refused('unauthenticated', () => rooms.auth.authenticate({ apiKey: key.key }))
      await rooms.workspaces.addMember(owner.principal, ws, { user: { email: member.email }, role: 'member' })
      await refused('unauthenticated', () => rooms.auth.authenticate({ apiKey: key.key }))
    })

    test('a member may leave by himself', async () => {
      const member = await joined('member')
      await remove(member.principal, member)
      expect((await rooms.workspaces.members(owner.principal, ws)).map((one) => one.role)).toEqual(['owner'])
    })

    test('a member is added once, and only a user who is there', async () => {
      const member = await joined('member')
      const add = (user: { email: string } | { publicId: string }) =>
        rooms.workspaces.addMember(owner.principal, ws, { user, role: 'admin' })
      await refused('conflict', () => add({ email: member.email }))
      await refused('not-found', () => add({ email: 'nobody@example.org' }))
      await refused('not-found', () => add({ publicId: 'no id' }))
      const other = await rooms.person()
      expect(await add({ publicId: other.principal.user.publicId })).toMatchObject({ role: 'admin' })
    })

    test('a key changes members only with the scope admin, and sees its own workspace only', async () => {
      const member = await joined('member')
      const second = await rooms.workspaces.create(owner.principal, { name: 'Second' })
      const writer = await rooms.keyOf(owner.principal, { scopes: ['read', 'write'] })
      const full = await rooms.keyOf(owner.principal)
      await refused('forbidden', () => setRole(writer.principal, member, 'admin'))
      await refused('forbidden', () => remove(writer.principal, member))
      await refused('not-found', () => rooms.workspaces.get(full.principal, second.ref.publicId))
      expect((await rooms.workspaces.list(full.principal)).map((one) => one.ref.publicId)).toEqual([ws])
      await refused('forbidden', () => rooms.workspaces.create(full.principal, { name: 'Third' }))
      expect(await setRole(full.principal, member, 'admin')).toMatchObject({ role: 'admin' })
    })

    test("an app's access token learns nothing of the workspace", async () => {
      const app = await rooms.apps.create(owner.principal, { name: 'Public' })
      const principal = rooms.auth.principalForApp(app)
      await refused('forbidden', () => rooms.workspaces.list(principal))
      await refused('forbidden', () => rooms.workspaces.members(principal, ws))
      await refused('forbidden', () => rooms.users.me(principal))
    })
  })
