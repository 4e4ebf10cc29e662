import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type AccountDoor, accountDoor } from '#test/support/account-door.ts'
import { useDatabase } from '#test/support/databases.ts'

describe('/api/v1/workspaces', () => {
  const db = useDatabase('sqlite')
  let door: AccountDoor
  let owner: Awaited<ReturnType<AccountDoor['rooms']['person']>>
  let as: string
  let members: string
  beforeAll(async () => {
    door = await accountDoor(db.database)
    owner = await door.rooms.person('owner')
    as = owner.grant.accessToken
    members = `/workspaces/${owner.principal.workspace.publicId}/members`
  })
  afterAll(() => door.close())

  test('a workspace is created, listed and read by its owner only', async () => {
    const { body } = await door.send('POST', '/workspaces', {
      as,
      body: { name: 'Lab', id: 'x', role: 'member', budget_micros: 1 },
    })
    expect(body.data).toMatchObject({ name: 'Lab', role: 'owner' })
    expect((await door.send('GET', '/workspaces', { as })).body.data).toHaveLength(2)
    expect((await door.send('GET', `/workspaces/${body.data.id}`, { as })).body.data).toEqual(body.data)
    const stranger = (await door.rooms.person()).grant.accessToken
    expect((await door.send('GET', `/workspaces/${body.data.id}`, { as: stranger })).status).toBe(404)
    expect((await door.send('GET', `/workspaces/${body.data.id}/members`, { as: stranger })).status).toBe(404)
    expect((await door.send('POST', '/workspaces', { as, body: { name: '' } })).status).toBe(422)
  })

  test('members are added by id or email, raised, and removed', async () => {
    const bob = await door.rooms.person('bob')
    const eve = await door.rooms.person('eve')
    const bobId = bob.principal.user.publicId
    const byEmail = await door.send('POST', members, { as, body: { email: bob.email } })
    expect(byEmail.body.data).toMatchObject({ user_id: bobId, role: 'member', email: bob.email })
    const byId = await door.send('POST', members, { as, body: { user_id: eve.principal.user.publicId, role: 'admin' } })
    expect(byId.body.data).toMatchObject({ role: 'admin' })
    expect((await door.send('POST', members, { as, body: { email: bob.email } })).status).toBe(409)
    expect(await door.send('POST', members, { as, body: { role: 'member' } })).toMatchObject({
      status: 400,
      body: { message: "Invalid request: 'user_id' or 'email' field is required" },
    })
    expect((await door.send('POST', members, { as, body: { email: bob.email, role: 'root' } })).status).toBe(422)
    expect((await door.send('GET', members, { as })).body.data).toHaveLength(3)
    const raise = (who: string, role: string) => door.send('PUT', `${members}/${bobId}`, { as: who, body: { role } })
    expect((await raise(bob.grant.accessToken, 'owner')).status).toBe(403)
    expect((await raise(eve.grant.accessToken, 'owner')).status).toBe(403)
    expect((await raise(as, 'owner')).body.data).toMatchObject({ role: 'owner' })
    expect((await door.send('DELETE', `${members}/${bobId}`, { as: eve.grant.accessToken })).status).toBe(403)
    expect((await door.send('DELETE', `${members}/${bobId}`, { as })).status).toBe(200)
    expect((await door.send('DELETE', `${members}/${bobId}`, { as })).status).toBe(404)
  })

  test('the last owner stays', async () => {
    const self = `${members}/${owner.principal.user.publicId}`
    expect((await door.send('DELETE', self, { as })).status).toBe(409)
    expect((await door.send('PATCH', self, { as, body: { role: 'member' } })).status).toBe(409)
  })

  test('a key without the scope admin changes no member', async () => {
    const { key } = await door.rooms.keyOf(owner.principal, { scopes: ['read', 'write'] })
    expect((await door.send('GET', members, { key })).status).toBe(200)
    expect((await door.send('POST', members, { key, body: { email: owner.email } })).status).toBe(403)
  })
})
