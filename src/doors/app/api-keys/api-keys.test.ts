import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type AccountDoor, accountDoor } from '#test/support/account-door.ts'
import { useDatabase } from '#test/support/databases.ts'

describe('/api/v1/api-keys', () => {
  const db = useDatabase('sqlite')
  let door: AccountDoor
  let token: string
  let workspaceId: string
  beforeAll(async () => {
    door = await accountDoor(db.database)
    const person = await door.rooms.person()
    token = person.grant.accessToken
    workspaceId = person.principal.workspace.publicId
  })
  afterAll(() => door.close())
  const create = async (body: object = {}) =>
    (await door.send('POST', '/api-keys', { as: token, body: { name: 'CI', workspace_id: workspaceId, ...body } })).body

  test('a key is created, bare of any envelope, and works', async () => {
    const key = await create({ expires_in_days: 30, rate_limit: 5, scopes: ['read'] })
    expect(key).toMatchObject({
      id: expect.any(String),
      key: expect.stringMatching(/^parley_[\w-]{43}$/),
      name: 'CI',
      scopes: ['read'],
      rate_limit: 5,
      expires_at: expect.stringMatching(/Z$/),
      created_at: expect.stringMatching(/Z$/),
    })
    expect((await door.send('GET', '/auth/me', { key: key.key })).body.data.scopes).toEqual(['read'])
    expect((await door.send('GET', '/auth/me', { as: key.key })).status).toBe(200)
  })

  test('no scopes given is full access, and null is no expiry', async () => {
    for (const body of [{}, { scopes: [] }, { scopes: ['*'], expires_in_days: null }])
      expect(await create(body)).toMatchObject({ scopes: ['*'], expires_at: null, rate_limit: 100 })
  })

  test('what may be left out may be null, and is then not given; what must be there may not', async () => {
    const nothing = { description: null, scopes: null, rate_limit: null, expires_in_days: null, workspace_id: null }
    expect(await create(nothing)).toMatchObject({ description: '', scopes: ['*'], rate_limit: 100, expires_at: null })
    const nameless = await door.send('POST', '/api-keys', { as: token, body: { ...nothing, name: null } })
    expect(nameless).toMatchObject({ status: 422, body: { message: 'Validation error: name must be a string' } })
  })

  test('nothing but the known fields is taken from a body', async () => {
    const { id: _, ...body } = await create({
      id: 'mine',
      user_id: 'x',
      key: 'parley_mine',
      is_active: false,
      usage_count: -5,
      revoked_at: 1,
      __proto__x: 1,
    })
    expect(body).toMatchObject({ is_active: true, usage_count: 0 })
    expect(body.key).not.toBe('parley_mine')
  })

  test.for([
    {},
    { name: '' },
    { name: 'k', rate_limit: 0 },
    { name: 'k', rate_limit: '5' },
    { name: 'k', expires_in_days: 4000 },
    { name: 'k', scopes: ['root'] },
    { name: 'k', scopes: 'read' },
    { name: 'k\0' },
  ])('%j is refused', async (body) => {
    expect([400, 422]).toContain((await door.send('POST', '/api-keys', { as: token, body })).status)
  })

  test('the list names its workspace', async () => {
    const { status, body } = await door.send('GET', '/api-keys', { as: token })
    expect(status).toBe(400)
    expect(body.message).toContain('workspace_id')
    const list = await door.send('GET', `/api-keys?workspace_id=${workspaceId}`, { as: token })
    expect(list.status).toBe(200)
    expect(list.body[0]).toMatchObject({ workspace_id: workspaceId })
    expect(list.body[0]).not.toHaveProperty('key')
    expect((await door.send('GET', '/api-keys?workspace_id=%00', { as: token })).status).toBe(400)
  })

  test('a key is read, changed, counted, rotated and revoked', async () => {
    const { id, key } = await create()
    expect((await door.send('GET', `/api-keys/${id}`, { as: token })).body).toMatchObject({ id, name: 'CI' })
    const patch = { name: 'New', scopes: ['read', 'write'], rate_limit: 99_999, workspace_id: 'x', user_id: 'x' }
    expect((await door.send('PATCH', `/api-keys/${id}`, { as: token, body: patch })).body).toMatchObject({
      name: 'New',
      scopes: ['read', 'write'],
      rate_limit: 100,
    })
    expect((await door.send('GET', `/api-keys/${id}/stats?days=30`, { as: token })).body).toMatchObject({
      days: 30,
      total_requests: 0,
    })
    expect((await door.send('GET', `/api-keys/${id}/stats`, { as: token })).body).toMatchObject({ days: 7 })
    for (const days of ['0', '91', 'x'])
      expect((await door.send('GET', `/api-keys/${id}/stats?days=${days}`, { as: token })).status).toBe(422)
    const rotated = (await door.send('POST', `/api-keys/${id}/rotate`, { as: token })).body
    expect((await door.send('GET', '/auth/me', { key })).status).toBe(401)
    expect((await door.send('GET', '/auth/me', { key: rotated.key })).status).toBe(200)
    expect((await door.send('DELETE', `/api-keys/${id}`, { as: token })).body).toEqual({ id, is_active: false })
    expect((await door.send('GET', '/auth/me', { key: rotated.key })).status).toBe(401)
    expect((await door.send('GET', `/api-keys/${id}`, { as: token })).status).toBe(404)
  })

  test('a key that may not, may not', async () => {
    const { key: writer } = await create({ scopes: ['read', 'write'] })
    const { key: reader, id } = await create({ scopes: ['read'] })
    expect((await door.send('POST', '/api-keys', { key: writer, body: { name: 'k' } })).status).toBe(403)
    expect((await door.send('PATCH', `/api-keys/${id}`, { key: reader, body: { scopes: ['*'] } })).status).toBe(403)
    const { key: admin, id: adminId } = await create({ scopes: ['admin', 'write'] })
    expect((await door.send('PATCH', `/api-keys/${adminId}`, { key: admin, body: { scopes: ['*'] } })).status).toBe(403)
    expect((await door.send('POST', '/api-keys', { key: admin, body: { name: 'k', scopes: ['read'] } })).status).toBe(
      403,
    )
  })

  test('keys of another workspace are not there', async () => {
    const stranger = await door.rooms.person()
    const as = stranger.grant.accessToken
    const { id } = await create()
    for (const [method, url] of [
      ['GET', ''],
      ['DELETE', ''],
      ['GET', '/stats'],
      ['POST', '/rotate'],
    ] as const)
      expect((await door.send(method, `/api-keys/${id}${url}`, { as })).status).toBe(404)
    expect((await door.send('PATCH', `/api-keys/${id}`, { as, body: { name: 'x' } })).status).toBe(404)
    expect((await door.send('GET', `/api-keys?workspace_id=${workspaceId}`, { as })).status).toBe(404)
    expect((await door.send('POST', '/api-keys', { as, body: { name: 'k', workspace_id: workspaceId } })).status).toBe(
      404,
    )
  })
})
