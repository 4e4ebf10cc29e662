import { decodeJwt } from 'jose'
import { describe, expect, it } from 'vitest'
import { databaseKinds } from '#test/support/databases.ts'
import { ownerEmail, ownerPassword } from '#test/support/parley.ts'
import { registered } from '#test/support/people.ts'
import { type Answer, useStory } from '#test/support/story.ts'

const anonymous = { anonymous: 'yes' }
const loginUrl = '/aiwb/auth/api/v2/login'
const tokenUrl = '/auth/api/v1/oauth/connect/token'
const invalidToken = { code: 401, status: 'error' }

for (const kind of databaseKinds)
  describe(`Kadal's clients get in on ${kind}`, () => {
    const clock = { now: Date.now() }
    const story = useStory(kind, { overrides: { now: () => clock.now } })

    const login = (body: object) => story.api('POST', loginUrl, body, anonymous)
    const me = (token: string, headers: Record<string, string> = {}) =>
      story.api('GET', '/api/v1/auth/me', undefined, { authorization: `Bearer ${token}`, ...headers })
    const owner = { username: ownerEmail, password: ownerPassword }
    /** One more workspace of the owner's. */
    async function second(): Promise<{ id: string; code: string }> {
      const credentials = { email: ownerEmail, password: ownerPassword }
      const { body } = await story.api('POST', '/api/v1/auth/login', credentials, anonymous)
      const bearer = { authorization: `Bearer ${body.data.access_token}` }
      return (await story.api('POST', '/api/v1/workspaces', { name: 'Second' }, bearer)).body.data
    }
    const chat = (token: string) =>
      story.api(
        'POST',
        '/v1/chat/completions',
        { model: 'gpt-sim', messages: [{ role: 'user', content: 'hello' }] },
        { authorization: `Bearer ${token}` },
      )

    describe('by name and password', () => {
      it('answers what Kadal answers', async () => {
        const { status, headers, body } = await login({ ...owner, username: ` ${ownerEmail.toUpperCase()} ` })
        expect(status).toBe(200)
        expect(headers.get('cache-control')).toBe('no-store')
        const uuid = expect.stringMatching(/^[0-9a-f-]{36}$/)
        const jwt = expect.stringMatching(/^eyJ[\w-]+\.[\w-]+\.[\w-]+$/)
        expect(body).toEqual({
          status_code: 200,
          message: 'Login successful',
          data: {
            access_token: jwt,
            token_type: 'Bearer',
            id_token: jwt,
            'not-before-policy': 0,
            session_state: uuid,
            scope: 'openid email profile',
            first_name: 'Owner',
            last_name: '',
            name: 'Owner',
            username: ownerEmail,
            user_id: uuid,
            roles: [{ role_id: 'owner', role_name: 'owner' }],
            email: ownerEmail,
            platforms: ['AIWB', 'CMS'],
            profile_pic_url: null,
            tenant_id: uuid,
            tenant_code: 'default',
            announcement_acknowledged: true,
          },
        })
        const { data } = body
        const at = Math.floor(clock.now / 1000)
        expect(decodeJwt(data.id_token)).toEqual({
          iss: 'parley',
          aud: 'parley',
          sub: data.user_id,
          sid: data.session_state,
          iat: at,
          auth_time: at,
          exp: at + 1800,
          email: ownerEmail,
          name: 'Owner',
          given_name: 'Owner',
          family_name: '',
          preferred_username: ownerEmail,
          tenant_id: data.tenant_id,
          tenant_code: 'default',
        })
        // It tells who somebody is, and opens nothing.
        expect((await me(data.id_token)).body).toMatchObject(invalidToken)
        expect((await me(data.access_token)).body.data).toMatchObject({
          id: data.user_id,
          workspace_id: data.tenant_id,
        })
      })

      it('opens every door with a token that acts in its workspace only', async () => {
        const other = await second()
        const { data } = (await login({ ...owner, tenant_code: ` ${other.code.toUpperCase()} ` })).body
        expect(data).toMatchObject({ tenant_id: other.id, tenant_code: other.code, roles: [{ role_id: 'owner' }] })
        const token = data.access_token
        expect((await me(token)).body.data.workspace_id).toBe(other.id)
        const answered = await chat(token)
        expect(answered.status).toBe(200)
        const turn = answered.headers.get('x-turn-id')
        const look = (bearer: string) =>
          story.api('GET', `/api/v1/turns/${turn}`, undefined, { authorization: `Bearer ${bearer}` })
        expect((await look(token)).status).toBe(200)

        const first = (await login({ ...owner, tenant_code: 'default' })).body.data
        expect((await look(first.access_token)).status).toBe(404)
        // Neither by a header, nor by an id: the other workspace is not there for it, nor can it make more.
        expect((await me(token, { 'x-workspace-id': first.tenant_id })).status).toBe(404)
        expect((await me(token, { 'x-workspace-id': other.id })).status).toBe(200)
        const bearer = { authorization: `Bearer ${token}` }
        expect((await story.api('GET', `/api/v1/workspaces/${first.tenant_id}`, undefined, bearer)).status).toBe(404)
        const listed = (await story.api('GET', '/api/v1/workspaces', undefined, bearer)).body.data
        expect(listed.map(({ id }: { id: string }) => id)).toEqual([other.id])
        expect((await story.api('POST', '/api/v1/workspaces', { name: 'Third' }, bearer)).status).toBe(403)
      })

      it('says the same of a wrong password, an unknown name and a code that is not his', async () => {
        const stranger = await registered(story, 'stranger')
        const theirs = await story.api('GET', `/api/v1/workspaces/${stranger.workspace}`, undefined, stranger.headers)
        const wrong = [
          { ...owner, password: 'not the password' },
          { ...owner, username: 'nobody@example.test' },
          { ...owner, tenant_code: theirs.body.data.code },
          { ...owner, tenant_code: 'no-such-code' },
          { ...owner, tenant_code: "' or '1'='1" },
          { ...owner, tenant_code: '%' },
        ]
        for (const body of wrong)
          expect(await login(body)).toMatchObject({
            status: 401,
            body: {
              status_code: 401,
              message: 'Username, password or tenant is wrong',
              error: 'AUTHENTICATION_ERROR',
            },
          })
      })

      it('names the field that is wrong', async () => {
        for (const [body, field] of [
          [{ password: 'x' }, 'username'],
          [{ username: ownerEmail }, 'password'],
          [{ ...owner, username: 7 }, 'username'],
          [{ ...owner, username: 'no address' }, 'username'],
          [{ ...owner, tenant_code: 5 }, 'tenant_code'],
        ] as const) {
          const answer = await login(body)
          expect(answer).toMatchObject({ status: 400, body: { status_code: 400, error: 'VALIDATION_ERROR' } })
          expect(answer.body.message).toContain(field)
        }
        expect((await story.api('GET', '/aiwb/auth/nowhere')).body).toMatchObject({ error: 'NOT_FOUND_ERROR' })
      })

      it('ends with a password change and a logout', async () => {
        const one = (await login(owner)).body.data.access_token
        const two = (await login(owner)).body.data.access_token
        await story.api('POST', '/api/v1/auth/logout', undefined, { authorization: `Bearer ${one}` })
        expect((await me(one)).status).toBe(401)
        expect((await me(two)).status).toBe(200)
        await story.api('POST', '/api/v1/auth/logout', { all: true }, { authorization: `Bearer ${two}` })
        expect((await me(two)).status).toBe(401)
        clock.now += 1000
      })
    })

    describe('by OAuth, with an API key as the client', () => {
      interface Client {
        id: string
        key: string
      }
      const make = async (more: object = {}): Promise<Client> =>
        (await story.api('POST', '/api/v1/api-keys', { name: 'a program', ...more })).body
      const form = async (fields: Record<string, string> | string, headers: Record<string, string> = {}) => {
        const response = await fetch(story.parley.url + tokenUrl, {
          method: 'POST',
          headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
          body: typeof fields === 'string' ? fields : new URLSearchParams(fields).toString(),
        })
        return { status: response.status, headers: response.headers, body: await response.json() } as Answer
      }
      const credentials = ({ id, key }: Client) => ({ client_id: id, client_secret: key })
      const basic = ({ id, key }: Client) => ({
        authorization: `Basic ${Buffer.from(`${encodeURIComponent(id)}:${encodeURIComponent(key)}`).toString('base64')}`,
      })
      const grantOf = async (client: Client, more: Record<string, string> = {}) => {
        const answer = await form({ grant_type: 'client_credentials', ...credentials(client), ...more })
        expect(answer.status, JSON.stringify(answer.body)).toBe(200)
        return answer.body
      }
      const refresh = (client: Client, token: string, more: Record<string, string> = {}) =>
        form({ grant_type: 'refresh_token', refresh_token: token, ...credentials(client), ...more })

      it('gives tokens to forms, to JSON and by HTTP Basic', async () => {
        const client = await make()
        const grant = { grant_type: 'client_credentials' }
        const answers = [
          await form({ ...grant, ...credentials(client) }),
          await form(grant, basic(client)),
          await form({ ...grant, client_id: client.id }, basic(client)),
          await story.api('POST', tokenUrl, { ...grant, ...credentials(client) }, anonymous),
          await story.api('POST', tokenUrl, grant, basic(client)),
        ]
        for (const { status, headers, body } of answers) {
          expect(status).toBe(200)
          expect(headers.get('cache-control')).toBe('no-store')
          expect(headers.get('pragma')).toBe('no-cache')
          expect(body).toEqual({
            access_token: expect.stringMatching(/^eyJ/),
            expires_in: 1800,
            refresh_token: expect.stringMatching(/^eyJ/),
            token_type: 'Bearer',
            scope: 'read write admin',
          })
          expect((await chat(body.access_token)).status).toBe(200)
          // The refresh token is none for anything else.
          expect((await me(body.refresh_token)).status).toBe(401)
        }
      })

      it('gives at most what the key has, and what was asked for', async () => {
        const client = await make({ scopes: ['read', 'write'] })
        expect((await grantOf(client)).scope).toBe('read write')
        expect((await grantOf(client, { scope: 'openid profile' })).scope).toBe('read write')
        const reader = await grantOf(client, { scope: 'openid read' })
        expect(reader.scope).toBe('read')
        expect((await me(reader.access_token)).body.data.scopes).toEqual(['read'])
        expect((await chat(reader.access_token)).status).toBe(403)
        for (const scope of ['admin', '*', 'everything', 'read admin'])
          expect(await form({ grant_type: 'client_credentials', ...credentials(client), scope })).toMatchObject({
            status: 400,
            body: { error: 'invalid_scope' },
          })
        const again = await refresh(client, reader.refresh_token)
        expect(again.body.scope).toBe('read')
        expect((await refresh(client, reader.refresh_token, { scope: 'write' })).body.error).toBe('invalid_scope')
        // Narrowing the key narrows what was given for it.
        const wide = await grantOf(client)
        await story.api('PATCH', `/api/v1/api-keys/${client.id}`, { scopes: ['read'] })
        expect((await me(wide.access_token)).body.data.scopes).toEqual(['read'])
        expect((await refresh(client, wide.refresh_token)).body.scope).toBe('read')
      })

      it('dies with the key: revoked, rotated, expired', async () => {
        const gone = async (client: Client, grant: { access_token: string; refresh_token: string }, error: string) => {
          expect((await me(grant.access_token)).body).toMatchObject(invalidToken)
          expect((await refresh(client, grant.refresh_token)).body.error).toBe(error)
        }
        const revoked = await make()
        const first = await grantOf(revoked)
        expect((await me(first.access_token)).status).toBe(200)
        await story.api('DELETE', `/api/v1/api-keys/${revoked.id}`)
        await gone(revoked, first, 'invalid_client')

        const rotated = await make()
        const second = await grantOf(rotated)
        const { key } = (await story.api('POST', `/api/v1/api-keys/${rotated.id}/rotate`)).body
        await gone(rotated, second, 'invalid_client')
        // The new secret does not bring back what was given for the old one.
        await gone({ id: rotated.id, key }, second, 'invalid_grant')
        await grantOf({ id: rotated.id, key })

        const dayMs = 86_400_000
        const expiring = await make({ expires_in_days: 1 })
        clock.now += dayMs - 60_500
        const third = await grantOf(expiring)
        expect(third.expires_in).toBe(60)
        clock.now += 61_000
        await gone(expiring, third, 'invalid_client')
      })

      it('gets hold of no key, also not of its own', async () => {
        const client = await make()
        const { access_token: token } = await grantOf(client)
        const as = { authorization: `Bearer ${token}` }
        for (const [method, url, body] of [
          ['POST', '/api/v1/api-keys', { name: 'one that stays' }],
          ['POST', `/api/v1/api-keys/${client.id}/rotate`, undefined],
          ['PATCH', `/api/v1/api-keys/${client.id}`, { name: 'renamed' }],
          ['DELETE', `/api/v1/api-keys/${client.id}`, undefined],
        ] as const)
          expect((await story.api(method, url, body, as)).status, `${method} ${url}`).toBe(403)
        expect((await me(client.key)).status).toBe(200)
      })

      it('refuses in the words of RFC 6749', async () => {
        const client = await make()
        const other = await make()
        const grant = { grant_type: 'client_credentials' }
        const { refresh_token: token, access_token: access } = await grantOf(client)
        const refused: [string, Answer, number, string][] = [
          ['no client', await form(grant), 401, 'invalid_client'],
          [
            'another secret',
            await form({ ...grant, ...credentials({ ...client, key: other.key }) }),
            401,
            'invalid_client',
          ],
          ['no such id', await form({ ...grant, ...credentials({ ...client, id: 'nobody' }) }), 401, 'invalid_client'],
          ['no Basic', await form(grant, { authorization: 'Bearer x' }), 401, 'invalid_client'],
          ['bad Basic', await form(grant, { authorization: 'Basic !!!' }), 401, 'invalid_client'],
          ['NUL', await form({ ...grant, client_id: '\0', client_secret: '\0' }), 401, 'invalid_client'],
          ['both ways', await form({ ...grant, ...credentials(client) }, basic(client)), 400, 'invalid_request'],
          ['two ids', await form({ ...grant, client_id: other.id }, basic(client)), 400, 'invalid_request'],
          ['no grant', await form(credentials(client)), 400, 'invalid_request'],
          ['no form', await form('', basic(client)), 400, 'invalid_request'],
          ['twice', await form('grant_type=client_credentials&grant_type=x', basic(client)), 400, 'invalid_request'],
          ['password', await form({ grant_type: 'password' }, basic(client)), 400, 'unsupported_grant_type'],
          ['no token', await form({ grant_type: 'refresh_token' }, basic(client)), 400, 'invalid_request'],
          ['rubbish', await refresh(client, 'rubbish'), 400, 'invalid_grant'],
          ['an access token', await refresh(client, access), 400, 'invalid_grant'],
          ['another client’s', await refresh(other, token), 400, 'invalid_grant'],
          ['prototype', await form('__proto__=x&grant_type=client_credentials', basic(client)), 200, ''],
        ]
        for (const [name, { status, headers, body }, wanted, error] of refused) {
          expect(status, `${name} ${JSON.stringify(body)}`).toBe(wanted)
          expect(headers.get('cache-control')).toBe('no-store')
          if (wanted === 200) continue
          expect(body, name).toEqual({ error, error_description: expect.stringMatching(/^[\x20-\x7e]+$/) })
          expect(headers.get('www-authenticate'), name).toBe(status === 401 ? 'Basic realm="parley"' : null)
        }
        clock.now += 7 * 86_400_000
        expect((await refresh(client, token)).body.error).toBe('invalid_grant')
      })
    })
  })

describe('how often somebody may try', () => {
  const limits = { PARLEY_LIMITS: 'on', PARLEY_LIMIT_IP: '10000/min', PARLEY_LIMIT_USER: '10000/min' }
  const stopped = Date.now()
  const story = useStory('sqlite', { env: limits, overrides: { now: () => stopped } })

  it('is told with 429 and Retry-After, whichever login was used', async () => {
    const username = 'guessed@example.test'
    const guess = () => story.api('POST', loginUrl, { username, password: 'a guess' }, anonymous)
    const guessElsewhere = () =>
      story.api('POST', '/api/v1/auth/login', { email: username, password: 'a guess' }, anonymous)
    for (let count = 0; count < 5; count++) {
      expect((await guess()).status).toBe(401)
      expect((await guessElsewhere()).status).toBe(401)
    }
    const refused = await guess()
    expect(refused).toMatchObject({ status: 429, body: { status_code: 429, error: 'RATE_LIMIT_ERROR' } })
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(
      (await story.api('POST', loginUrl, { username: 'another@example.test', password: 'x' }, anonymous)).status,
    ).toBe(401)
  })

  it('counts a token’s requests as the key’s own', async () => {
    const { id, key } = (await story.api('POST', '/api/v1/api-keys', { name: 'slow', rate_limit: 3 })).body
    const asked = await story.api(
      'POST',
      tokenUrl,
      { grant_type: 'client_credentials', client_id: id, client_secret: key },
      anonymous,
    )
    const me = (bearer: string) => story.api('GET', '/api/v1/auth/me', undefined, { authorization: `Bearer ${bearer}` })
    expect((await me(asked.body.access_token)).status).toBe(200)
    expect((await me(key)).status).toBe(200)
    expect((await me(asked.body.access_token)).status).toBe(429)
    expect((await me(key)).status).toBe(429)
    const again = await story.api(
      'POST',
      tokenUrl,
      { grant_type: 'client_credentials', client_id: id, client_secret: key },
      anonymous,
    )
    expect(again).toMatchObject({ status: 429, body: { error: 'temporarily_unavailable' } })
  })
})
