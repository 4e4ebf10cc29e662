import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type AccountDoor, accountDoor } from '#test/support/account-door.ts'
import { useDatabase } from '#test/support/databases.ts'

describe('/api/v1/applications', () => {
  const db = useDatabase('sqlite')
  let door: AccountDoor
  let as: string
  let workspaceId: string
  beforeAll(async () => {
    door = await accountDoor(db.database)
    const person = await door.rooms.person()
    as = person.grant.accessToken
    workspaceId = person.principal.workspace.publicId
  })
  afterAll(() => door.close())
  const create = async (body: object) => (await door.send('POST', '/applications', { as, body })).body.data

  test('an application is created, listed, read, changed and deleted', async () => {
    const { status, body } = await door.send('POST', '/applications', {
      as,
      body: { name: 'Bot', description: 'helps', temperature: 0, system_prompt: 'Be kind', history_length: 3 },
    })
    expect(status).toBe(200)
    expect(body).toMatchObject({ status: 'success', message: 'Application created' })
    const app = body.data
    expect(app).toMatchObject({
      slug: 'bot',
      type: 'chat',
      enabled: true,
      model: 'auto',
      temperature: 0,
      top_p: null,
      system_prompt: 'Be kind',
      history_length: 3,
      context_strategy: 'truncate',
      workspace_id: workspaceId,
      access_token: expect.stringMatching(/^pat_/),
    })
    expect((await door.send('GET', '/applications', { as })).body.data).toEqual([app])
    expect((await door.send('GET', '/applications/bot', { as })).body.data).toEqual(app)
    const put = await door.send('PUT', `/applications/${app.id}`, {
      as,
      body: { temperature: null, top_p: 0.1, enabled: false },
    })
    expect(put.body.data).toMatchObject({
      name: 'Bot',
      temperature: null,
      top_p: 0.1,
      enabled: false,
      system_prompt: 'Be kind',
    })
    expect((await door.send('DELETE', `/applications/${app.id}`, { as })).body).toMatchObject({
      data: null,
      status: 'success',
    })
    expect(await door.send('GET', `/applications/${app.id}`, { as })).toMatchObject({
      status: 404,
      body: { data: null, message: 'Application not found' },
    })
  })

  test('what was read can be sent back as it is', async () => {
    const app = await create({
      name: 'Round trip',
      type: 'workflow',
      definition: { nodes: [] },
      stop: ['END'],
      suggested_questions: ['Why?'],
    })
    const { status, body } = await door.send('PUT', `/applications/${app.id}`, { as, body: app })
    expect(status).toBe(200)
    expect(body.data).toEqual({ ...app, updated_at: body.data.updated_at })
  })

  test('nothing but the known fields is taken from a body', async () => {
    const app = await create({
      name: 'Mass',
      workspace_id: 'x',
      workspaceId: 1,
      id: 'mine',
      access_token: 'pat_mine',
      created_by: 1,
      config: { model: 'x' },
    })
    expect(app).toMatchObject({ workspace_id: workspaceId, model: 'auto' })
    expect(app.id).not.toBe('mine')
    expect(app.access_token).not.toBe('pat_mine')
  })

  test.for([
    {},
    { name: '' },
    { name: '   ' },
    { name: 'a', temperature: 3 },
    { name: 'a', temperature: '1' },
    { name: 'a', max_tokens: 0 },
    { name: 'a', type: 'agent' },
    { name: 'a', slug: '../etc' },
    { name: 'a', history_length: 1000 },
    { name: 'a', stop: [1] },
    { name: 'a', context_strategy: 'guess' },
    { name: 'a', definition: {} },
    { name: 'a', type: 'workflow', definition: 'text' },
  ])('%j is refused', async (body) => {
    expect([400, 422]).toContain((await door.send('POST', '/applications', { as, body })).status)
  })

  test('a name that is missing or empty is named in the answer', async () => {
    for (const body of [{}, { name: '' }, { name: ' ' }])
      expect((await door.send('POST', '/applications', { as, body })).body.message).toContain('name')
  })

  test('the access token is rotated', async () => {
    const app = await create({ name: 'Rotating' })
    const { body } = await door.send('POST', `/applications/${app.id}/token/rotate`, { as })
    expect(body.data.access_token).not.toBe(app.access_token)
    expect(await door.rooms.apps.findByToken(app.access_token)).toBeUndefined()
  })

  test('another workspace’s application is not there, on every endpoint', async () => {
    const stranger = (await door.rooms.person()).grant.accessToken
    const app = await create({ name: 'Private' })
    for (const id of [app.id, app.slug]) {
      expect((await door.send('GET', `/applications/${id}`, { as: stranger })).status).toBe(404)
      for (const method of ['PUT', 'PATCH'] as const)
        expect((await door.send(method, `/applications/${id}`, { as: stranger, body: { name: 'x' } })).status).toBe(404)
      expect((await door.send('POST', `/applications/${id}/token/rotate`, { as: stranger })).status).toBe(404)
      expect((await door.send('DELETE', `/applications/${id}`, { as: stranger })).status).toBe(404)
    }
    expect((await door.send('GET', '/applications', { as, headers: { 'x-workspace-id': 'elsewhere' } })).status).toBe(
      404,
    )
  })
})
