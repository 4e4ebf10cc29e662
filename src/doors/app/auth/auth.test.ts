import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type AccountDoor, accountDoor } from '#test/support/account-door.ts'
import { useDatabase } from '#test/support/databases.ts'

describe('/api/v1/auth', () => {
  const db = useDatabase('sqlite')
  let door: AccountDoor
  const ada = { email: 'ada@example.org', password: 'a long password', full_name: 'Ada' }
  beforeAll(async () => {
    door = await accountDoor(db.database)
    await door.send('POST', '/auth/register', { body: ada })
  })
  afterAll(() => door.close())
  const login = async (headers = {}) => {
    const { body, cookies } = await door.send('POST', '/auth/login', {
      body: { email: ada.email, password: ada.password },
      headers,
    })
    return { ...body.data, cookies: Object.fromEntries(cookies.map((cookie) => [cookie.name, cookie.value])) }
  }

  test('login answers in the envelope and sets the cookies', async () => {
    const { email, password } = ada
    const { status, body, cookies } = await door.send('POST', '/auth/login', { body: { email, password } })
    expect(status).toBe(200)
    expect(body).toMatchObject({ status: 'success', code: 200, message: 'Login successful' })
    expect(body.data).toMatchObject({
      access_token: expect.any(String),
      refresh_token: expect.any(String),
      token_type: 'bearer',
      expires_in: 1800,
      csrf_token: expect.any(String),
      user: { email, full_name: 'Ada', is_admin: false },
    })
    expect(cookies).toEqual([
      expect.objectContaining({ name: 'parley_session', httpOnly: true, sameSite: 'Lax', path: '/', maxAge: 604800 }),
      expect.objectContaining({ name: 'parley_csrf', value: body.data.csrf_token, sameSite: 'Lax', path: '/' }),
    ])
    expect(cookies.some((cookie) => cookie.secure)).toBe(false)
    expect(cookies[1]).not.toHaveProperty('httpOnly')
    expect(JSON.stringify(body)).not.toContain(cookies[0]!.value)
  })

  test('over https the cookies are Secure', async () => {
    const { email, password } = ada
    const { cookies } = await door.send('POST', '/auth/login', {
      body: { email, password },
      headers: { 'x-forwarded-proto': 'https' },
    })
    expect(cookies.every((cookie) => cookie.secure)).toBe(true)
  })

  test('a failed login tells nothing', async () => {
    for (const email of [ada.email, 'nobody@example.org']) {
      const answer = await door.send('POST', '/auth/login', { body: { email, password: 'wrong password' } })
      expect(answer).toMatchObject({
        status: 401,
        body: { data: null, status: 'error', code: 401, message: 'Email or password is wrong' },
        cookies: [],
      })
    }
  })

  test('too many attempts on one email are refused, on another not yet', async () => {
    const body = { email: 'guessed@example.org', password: 'wrong password' }
    const statuses: number[] = []
    for (let i = 0; i < 22; i++)
      statuses.push(
        (
          await door.send('POST', '/auth/login', {
            body: { ...body, email: i % 2 ? body.email : ' GUESSED@example.org' },
          })
        ).status,
      )
    expect(statuses.slice(0, 20).every((status) => status === 401)).toBe(true)
    expect(statuses.slice(20)).toEqual([429, 429])
    expect(await login()).toHaveProperty('access_token')
  })

  test.for([
    {},
    { email: 'a@b.c' },
    { email: 1, password: 'x' },
    { email: { $ne: '' }, password: { $ne: '' } },
    [],
    null,
  ])('%j is no login', async (body) => {
    expect([400, 422]).toContain((await door.send('POST', '/auth/login', { body: body ?? 'null' })).status)
  })

  test('registering takes no more than it should', async () => {
    const { status, body } = await door.send('POST', '/auth/register', {
      body: {
        email: 'eve@example.org',
        password: 'a long password',
        is_admin: true,
        isAdmin: true,
        id: 1,
        role: 'owner',
        disabled: 0,
      },
    })
    expect(status).toBe(200)
    expect(body.data.user).toMatchObject({ email: 'eve@example.org', is_admin: false })
    const again = { email: 'EVE@example.org', password: 'a long password' }
    expect(await door.send('POST', '/auth/register', { body: again })).toMatchObject({ status: 409 })
    expect(await door.send('POST', '/auth/register', { body: { ...again, password: 'short' } })).toMatchObject({
      status: 422,
    })
  })

  test('a refresh token is exchanged once', async () => {
    const { refresh_token, access_token } = await login()
    const first = await door.send('POST', '/auth/refresh', { body: { refresh_token } })
    expect(first.body).toMatchObject({
      data: { access_token: expect.any(String), refresh_token: expect.any(String), expires_in: 1800 },
      message: 'Token refreshed',
    })
    expect(first.cookies).toEqual([])
    expect((await door.send('POST', '/auth/refresh', { body: { refresh_token } })).status).toBe(401)
    expect((await door.send('GET', '/auth/me', { as: access_token })).status).toBe(401)
  })

  test('me tells who and where', async () => {
    const { access_token } = await login()
    const { body } = await door.send('GET', '/auth/me', { as: access_token })
    expect(body.data).toMatchObject({
      email: ada.email,
      role: 'owner',
      scopes: ['read', 'write', 'admin'],
      workspace_id: expect.any(String),
    })
    expect(JSON.stringify(body)).not.toContain('argon2')
    expect(await door.send('GET', '/auth/me')).toMatchObject({
      status: 401,
      body: { message: 'Authentication required' },
    })
  })

  test('a profile change takes name and email and nothing else', async () => {
    const { access_token } = await login()
    const body = {
      full_name: 'Ada L.',
      is_admin: true,
      id: 'x',
      role: 'owner',
      password_hash: 'x',
      tokens_valid_after: 0,
    }
    const { status, body: answer } = await door.send('PATCH', '/auth/me', { as: access_token, body })
    expect(status).toBe(200)
    expect(answer.data).toMatchObject({ full_name: 'Ada L.', is_admin: false })
  })

  test('with a cookie a change needs the CSRF token, and works with it', async () => {
    const { cookies, csrf_token } = await login()
    expect((await door.send('GET', '/auth/me', { cookies })).status).toBe(200)
    const body = { full_name: 'Ada' }
    expect(await door.send('PATCH', '/auth/me', { cookies, body })).toMatchObject({ status: 403 })
    expect(await door.send('PATCH', '/auth/me', { cookies, body, headers: { 'x-csrf-token': 'guess' } })).toMatchObject(
      { status: 403 },
    )
    expect(
      await door.send('PATCH', '/auth/me', { cookies, body, headers: { 'x-csrf-token': csrf_token } }),
    ).toMatchObject({ status: 200 })
  })

  test('logging out ends this session and clears the cookies; all ends every one', async () => {
    const one = await login()
    const two = await login()
    const out = await door.send('POST', '/auth/logout', { as: one.access_token })
    expect(out).toMatchObject({ status: 200, body: { data: null, message: 'Logged out' } })
    expect(out.cookies.map(({ name, value }) => [name, value])).toEqual([
      ['parley_session', ''],
      ['parley_csrf', ''],
    ])
    expect((await door.send('GET', '/auth/me', { as: one.access_token })).status).toBe(401)
    expect((await door.send('GET', '/auth/me', { as: two.access_token })).status).toBe(200)
    const three = await login()
    door.rooms.clock.now += 1
    expect((await door.send('POST', '/auth/logout', { as: three.access_token, body: { all: true } })).status).toBe(200)
    for (const { access_token } of [two, three])
      expect((await door.send('GET', '/auth/me', { as: access_token })).status).toBe(401)
  })

  test('a new password ends the old sessions and opens one', async () => {
    const old = await login()
    const body = { current_password: ada.password, new_password: 'another long one' }
    expect(
      await door.send('POST', '/auth/password', { as: old.access_token, body: { ...body, current_password: 'no' } }),
    ).toMatchObject({ status: 422 })
    door.rooms.clock.now += 1
    const changed = await door.send('POST', '/auth/password', { as: old.access_token, body })
    expect(changed.status).toBe(200)
    expect((await door.send('GET', '/auth/me', { as: old.access_token })).status).toBe(401)
    expect((await door.send('GET', '/auth/me', { as: changed.body.data.access_token })).status).toBe(200)
    ada.password = body.new_password
    await login()
  })

  test.for(["'", 'x'.repeat(10_000), 'eyJhbGciOiJub25lIn0.e30.', '한국', 'Bearer Bearer'])(
    'the authorization %# is refused',
    async (token) => {
      const sent = Buffer.from(token, 'utf8').toString('latin1')
      expect((await door.send('GET', '/auth/me', { headers: { authorization: `Bearer ${sent}` } })).status).toBe(401)
    },
  )
})
