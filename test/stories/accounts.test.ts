import { describe, expect, it } from 'vitest'
import { databaseKinds } from '#test/support/databases.ts'
import { ownerEmail, ownerPassword } from '#test/support/parley.ts'
import { useStory } from '#test/support/story.ts'

const anonymous = { anonymous: 'yes' }

for (const kind of databaseKinds)
  describe(`accounts on ${kind}`, () => {
    const story = useStory(kind)
    const login = () =>
      story.api('POST', '/api/v1/auth/login', { email: ownerEmail, password: ownerPassword }, anonymous)
    const me = (token: string) => story.api('GET', '/api/v1/auth/me', undefined, { authorization: `Bearer ${token}` })

    it('log in, chat with the token, refresh it, and log out for good', async () => {
      const { status, body } = await login()
      expect(status).toBe(200)
      expect(body).toMatchObject({
        status: 'success',
        code: 200,
        message: 'Login successful',
        data: {
          access_token: expect.any(String),
          refresh_token: expect.any(String),
          token_type: 'bearer',
          expires_in: 1800,
        },
      })
      const { access_token, refresh_token } = body.data
      const app = await story.app()
      const chat = (token: string) =>
        story.api(
          'POST',
          `/api/v1/chat/${app.id}/chat/completions`,
          { messages: [{ role: 'user', content: 'Hi' }] },
          { authorization: `Bearer ${token}` },
        )
      expect((await chat(access_token)).body.choices[0].message.content).toBe('You said: Hi')

      const refreshed = await story.api('POST', '/api/v1/auth/refresh', { refresh_token }, anonymous)
      expect(refreshed.body).toMatchObject({ message: 'Token refreshed', data: { expires_in: 1800 } })
      const fresh = refreshed.body.data.access_token
      expect((await me(fresh)).status).toBe(200)

      const bearer = { authorization: `Bearer ${fresh}` }
      expect((await story.api('POST', '/api/v1/auth/logout', {}, bearer)).status).toBe(200)
      expect((await me(fresh)).status).toBe(401)
      expect((await chat(fresh)).status).toBe(401)
      const again = { refresh_token: refreshed.body.data.refresh_token ?? refresh_token }
      expect((await story.api('POST', '/api/v1/auth/refresh', again, anonymous)).status).toBe(401)
    })

    it('register into a workspace of their own, which sees nothing of others', async () => {
      const email = `new-${kind}@example.org`
      const { body } = await story.api(
        'POST',
        '/api/v1/auth/register',
        { email, password: 'a long password' },
        anonymous,
      )
      const mine = { authorization: `Bearer ${body.data.access_token}` }
      const app = await story.app()
      expect((await story.api('GET', `/api/v1/applications/${app.id}`, undefined, mine)).status).toBe(404)
      const chat = await story.api(
        'POST',
        `/api/v1/chat/${app.id}/chat/completions`,
        { messages: [{ role: 'user', content: 'Hi' }] },
        mine,
      )
      expect(chat.status).toBe(404)
      const own = await story.api(
        'POST',
        '/v1/chat/completions',
        { model: 'gpt-sim', messages: [{ role: 'user', content: 'Hi' }] },
        mine,
      )
      const turnId = own.headers.get('x-turn-id')
      expect((await story.api('GET', `/api/v1/turns/${turnId}`, undefined, mine)).status).toBe(200)
      expect((await story.api('GET', `/api/v1/turns/${turnId}`)).status).toBe(404)
    })

    it('use a cookie in the browser, and need the CSRF token to change anything with it', async () => {
      const { headers } = await login()
      const cookies = headers.getSetCookie().map((each) => each.split(';')[0]!)
      const cookie = cookies.join('; ')
      const csrf = cookies.find((each) => each.startsWith('parley_csrf='))!.split('=')[1]!
      expect(headers.getSetCookie().find((each) => each.startsWith('parley_session='))).toMatch(
        /HttpOnly.*SameSite=Lax/i,
      )
      expect((await story.api('GET', '/api/v1/auth/me', undefined, { cookie })).body.data.email).toBe(ownerEmail)
      const create = (more: Record<string, string>) =>
        story.api('POST', '/api/v1/applications', { name: 'From a browser', type: 'chat' }, { cookie, ...more })
      expect((await create({})).status).toBe(403)
      expect((await create({ 'x-csrf-token': 'guessed' })).status).toBe(403)
      expect((await create({ 'x-csrf-token': decodeURIComponent(csrf) })).status).toBeLessThan(300)
    })

    it('take a key by either header, and lose it when it is revoked', async () => {
      const { body: who } = await story.api('GET', '/api/v1/auth/me')
      const made = await story.api('POST', '/api/v1/api-keys', { name: 'mine', workspace_id: who.data.workspace_id })
      const { id, key } = made.body
      expect(key).toMatch(/^parley_/)
      const as = (headers: Record<string, string>) => story.api('GET', '/v1/models', undefined, headers)
      expect((await as({ 'x-api-key': key })).status).toBe(200)
      expect((await as({ authorization: `Bearer ${key}` })).status).toBe(200)
      expect((await story.api('DELETE', `/api/v1/api-keys/${id}`)).status).toBe(200)
      expect((await as({ 'x-api-key': key })).status).toBe(401)
    })

    it('see what they used', async () => {
      const ask = { model: 'gpt-sim', messages: [{ role: 'user', content: 'Count me' }] }
      const { body } = await story.api('POST', '/v1/chat/completions', ask)
      expect(body.usage.total_tokens).toBeGreaterThan(0)
      await expect
        .poll(async () => (await story.api('GET', '/api/v1/usage')).body.data.total.requests, { timeout: 10_000 })
        .toBeGreaterThan(0)
      const day = new Date(body.created * 1000).toISOString().slice(0, 10)
      const today = await story.api('GET', `/api/v1/usage?start_date=${day}&end_date=${day}`)
      expect(today).toMatchObject({ status: 200, body: { data: { start_date: `${day}T00:00:00.000Z` } } })
      expect(today.body.data.total.requests).toBeGreaterThan(0)
    })
  })
