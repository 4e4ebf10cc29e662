import { connect } from 'node:net'
import { SignJWT, UnsecuredJWT } from 'jose'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { deriveKey } from '#lib/seal.ts'
import { databaseKinds } from '#test/support/databases.ts'
import { bearer, makeWorld, type Person, type World } from './world.ts'

const secret = 'the-secret-of-all-tokens-of-this-server'
const body = { model: 'gpt-sim', messages: [{ role: 'user', content: 'hello' }] }

for (const kind of databaseKinds)
  describe(`credentials on ${kind}`, () => {
    let world: World
    let alice: Person

    beforeAll(async () => {
      world = await makeWorld(kind, { env: { PARLEY_JWT_SECRET: secret } })
      alice = await world.person('alice')
    })
    afterAll(() => world?.close())

    const me = (headers: Record<string, string>) => world.ask('GET', '/api/v1/auth/me', { headers })

    /** Both doors say 401 in their own shape, and nothing is written. */
    async function refused(headers: Record<string, string>, about: string) {
      const before = await world.counts()
      const openai = await world.ask('POST', '/v1/chat/completions', { headers, body })
      expect(openai.status, `${about}: ${openai.text}`).toBe(401)
      expect(openai.json.error).toMatchObject({ type: 'authentication_error', code: 'invalid_api_key' })
      const app = await me(headers)
      expect(app.status, `${about}: ${app.text}`).toBe(401)
      expect(app.json).toMatchObject({ data: null, status: 'error', code: 401 })
      expect(await world.counts()).toEqual(before)
    }

    it.each([
      ['a quote', "'"],
      ['SQL', "parley_x' or '1'='1' --"],
      ['only the word', 'Bearer'],
      ['another scheme', 'Basic YTpi'],
      ['unicode as latin-1', Buffer.from('Bearer ключ🗝').toString('latin1')],
      ['dots', 'Bearer eyJ...'],
      ['a broken token', 'Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.AAAA'],
      ['percent signs', 'Bearer %%%%'],
      ['8 KB', `Bearer ${'k'.repeat(8000)}`],
    ])('garbage in Authorization: %s', (name, authorization) => refused({ authorization }, name))

    it('refuses a header with NUL and headers without end, and goes on', async () => {
      const { port } = new URL(world.parley.url)
      const raw = (head: string) =>
        new Promise<string>((resolve) => {
          const socket = connect(Number(port), '127.0.0.1')
          let text = ''
          socket.on('data', (chunk) => {
            text += chunk
          })
          socket.on('error', () => undefined)
          socket.on('close', () => resolve(text))
          socket.write(head)
        })
      const start = 'GET /api/v1/auth/me HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer '
      expect(await raw(`${start}a\0b\r\n\r\n`)).toMatch(/^HTTP\/1\.1 400 /)
      expect(await raw(`${start}${'k'.repeat(10_000_000)}\r\n\r\n`)).toMatch(/^HTTP\/1\.1 431 |^$/)
      expect((await me(bearer(alice.jwt))).status).toBe(200)
    })

    it('tells two keys apart that begin alike', async () => {
      const short = alice.key.slice(0, -1)
      const long = `${alice.key}x`
      const other = short + (alice.key.endsWith('A') ? 'B' : 'A')
      for (const key of [short, long, other, alice.key.toUpperCase(), alice.key.slice(0, 20)])
        await refused({ 'x-api-key': key }, key)
      expect((await me({ 'x-api-key': alice.key })).status).toBe(200)
    })

    it('believes no token but its own', async () => {
      const claims = JSON.parse(Buffer.from(alice.jwt.split('.')[1]!, 'base64url').toString())
      const right = deriveKey(secret, 'jwt')
      const sign = (header: { alg: string; typ?: string }, key: Uint8Array = right, more: object = {}) =>
        new SignJWT({ ...claims, ...more }).setProtectedHeader(header).sign(key)
      const past = Math.floor(Date.now() / 1000) - 10
      const [head, payload, signature] = alice.jwt.split('.') as [string, string, string]
      const noneHead = Buffer.from('{"alg":"none","typ":"at+jwt"}').toString('base64url')
      const rsHead = Buffer.from('{"alg":"RS256","typ":"at+jwt"}').toString('base64url')
      const forged: Record<string, string> = {
        'another key': await sign({ alg: 'HS256', typ: 'at+jwt' }, new TextEncoder().encode('x'.repeat(32))),
        'the secret itself as key': await sign({ alg: 'HS256', typ: 'at+jwt' }, new TextEncoder().encode(secret)),
        'no key': await sign({ alg: 'HS256', typ: 'at+jwt' }, new Uint8Array(32)),
        'alg none': new UnsecuredJWT(claims).encode(),
        'alg none with a signature': `${noneHead}.${payload}.${signature}`,
        'HS signed, RS said': `${rsHead}.${payload}.${signature}`,
        expired: await sign({ alg: 'HS256', typ: 'at+jwt' }, right, { exp: past, iat: past - 60 }),
        'without an end': await sign({ alg: 'HS256', typ: 'at+jwt' }, right, { exp: undefined }),
        'for somebody else': await sign({ alg: 'HS256', typ: 'at+jwt' }, right, { sub: crypto.randomUUID() }),
        'of no session': await sign({ alg: 'HS256', typ: 'at+jwt' }, right, { sid: crypto.randomUUID() }),
        'a session that is SQL': await sign({ alg: 'HS256', typ: 'at+jwt' }, right, { sid: "' or 1=1 --" }),
        'a session with NUL': await sign({ alg: 'HS256', typ: 'at+jwt' }, right, { sid: 'a\0b' }),
        'of another issuer': await sign({ alg: 'HS256', typ: 'at+jwt' }, right, { iss: 'somebody' }),
        'another type': await sign({ alg: 'HS256', typ: 'session+jwt' }),
        'no type': await sign({ alg: 'HS256' }),
        'the cookie’s token': alice.cookie.split('=')[1]!,
        'a changed payload': `${head}.${Buffer.from(JSON.stringify({ ...claims, exp: 9e9 })).toString('base64url')}.${signature}`,
      }
      for (const [name, token] of Object.entries(forged)) {
        await refused(bearer(token), name)
        const socket = await world.socket(`/ws/chat/s?token=${encodeURIComponent(token)}`)
        expect(await socket.closed, name).toEqual({ code: 1008, reason: 'Invalid token' })
        expect(socket.frames, name).toEqual([])
      }
      // The same means make a token that counts: the refusals above are for what they say.
      expect((await me(bearer(await sign({ alg: 'HS256', typ: 'at+jwt' })))).status).toBe(200)
    })

    it('forgets a revoked, a rotated and an expired key at once', async () => {
      const make = async () => {
        const sent = { headers: bearer(alice.jwt), body: { name: 'short-lived', expires_in_days: 1 } }
        const made = await world.must('POST', '/api/v1/api-keys', sent)
        expect((await me({ 'x-api-key': made.json.key })).status).toBe(200)
        return made.json as { id: string; key: string }
      }
      const revoked = await make()
      await world.must('DELETE', `/api/v1/api-keys/${revoked.id}`, { headers: bearer(alice.jwt) })
      await refused({ 'x-api-key': revoked.key }, 'revoked')

      const rotated = await make()
      await world.must('POST', `/api/v1/api-keys/${rotated.id}/rotate`, { headers: bearer(alice.jwt) })
      await refused({ 'x-api-key': rotated.key }, 'rotated')

      const expired = await world.must('POST', '/api/v1/api-keys', {
        headers: bearer(alice.jwt),
        body: { name: 'old' },
      })
      await world.parley.parley.database.write((tx) =>
        sql`update api_keys set expires_at = 1 where public_id = ${expired.json.id}`
          .execute(tx.db)
          .then(() => undefined),
      )
      await refused({ 'x-api-key': expired.json.key }, 'expired')
    })

    it('lets go of a person who was disabled, by login, key, app and open socket', async () => {
      const carol = await world.person('carol')
      const app = await world.must('POST', '/api/v1/applications', {
        headers: bearer(carol.jwt),
        body: { name: 'Hers', model: 'gpt-sim' },
      })
      const { id, access_token: token } = app.json.data
      const sockets = await Promise.all(
        [carol.jwt, carol.key, token].map((credential) => world.socket(`/ws/chat/s?token=${credential}`)),
      )
      for (const socket of sockets) await socket.next('connected')
      await world.parley.parley.database.write((tx) =>
        sql`update users set disabled = 1 where public_id = ${carol.user}`.execute(tx.db).then(() => undefined),
      )
      // Another process's change counts here within seconds, at once on what is looked up.
      for (const socket of sockets) {
        socket.send({ type: 'chat', content: 'hello', application_id: id })
        expect(await socket.closed).toEqual({ code: 1008, reason: 'Invalid token' })
        expect(socket.frames.some(({ type }) => type === 'response_start')).toBe(false)
      }
      const wrong = await world.ask('POST', '/api/v1/auth/login', {
        body: { email: carol.email, password: carol.password },
      })
      expect(wrong.status).toBe(401)
      const refresh = await world.ask('POST', '/api/v1/auth/refresh', { body: { refresh_token: carol.refreshToken } })
      expect(refresh.status).toBe(401)
    })

    it.each([
      ['logout', '/api/v1/auth/logout', () => ({})],
      ['logout everywhere', '/api/v1/auth/logout', () => ({ all: true })],
      [
        'a password change',
        '/api/v1/auth/password',
        (who: Person) => ({ current_password: who.password, new_password: 'quite another one' }),
      ],
    ])('ends logins with %s, also on open sockets', async (name, url, bodyOf) => {
      const dave = await world.person('dave')
      const app = await world.must('POST', '/api/v1/applications', {
        headers: bearer(dave.jwt),
        body: { name: 'His', model: 'gpt-sim' },
      })
      const socket = await world.socket(`/ws/chat/s?token=${dave.jwt}`)
      await socket.next('connected')
      socket.send({ type: 'chat', content: 'hello', application_id: app.json.data.id })
      await socket.next('response_end')

      await world.must('POST', url, { headers: bearer(dave.jwt), body: bodyOf(dave) })
      await refused(bearer(dave.jwt), name)
      const before = await world.counts()
      socket.send({ type: 'chat', content: 'hello again', application_id: app.json.data.id })
      expect(await socket.closed).toEqual({ code: 1008, reason: 'Invalid token' })
      expect(socket.frames.filter(({ type }) => type === 'response_start')).toHaveLength(1)
      expect(await world.counts()).toEqual(before)
      const refresh = await world.ask('POST', '/api/v1/auth/refresh', { body: { refresh_token: dave.refreshToken } })
      expect(refresh.status).toBe(401)
      const again = await world.socket(`/ws/chat/s?token=${dave.jwt}`)
      expect(await again.closed).toEqual({ code: 1008, reason: 'Invalid token' })
    })

    describe('the session cookie', () => {
      it('writes nothing without the CSRF token that belongs to it', async () => {
        const other = await world.person('mallory')
        const before = await world.counts()
        for (const csrf of [undefined, '', 'x', other.csrf]) {
          const headers = { cookie: alice.cookie, ...(csrf !== undefined && { 'x-csrf-token': csrf }) }
          const openai = await world.ask('POST', '/v1/chat/completions', { headers, body })
          expect(openai.status, openai.text).toBe(403)
          const app = await world.ask('POST', '/api/v1/applications', { headers, body: { name: 'Planted' } })
          expect(app.status, app.text).toBe(403)
        }
        expect(await world.counts()).toEqual(before)
        expect((await me({ cookie: alice.cookie })).status).toBe(200)
        const headers = { cookie: alice.cookie, 'x-csrf-token': alice.csrf }
        const app = await world.ask('POST', '/api/v1/applications', { headers, body: { name: 'Meant' } })
        expect(app.status, app.text).toBe(200)
      })

      it('opens a socket for pages of this server only', async () => {
        const host = new URL(world.parley.url).host
        const origins = [
          undefined,
          'null',
          'https://evil.example',
          `http://${host}.evil.example`,
          `http://evil@${host}x`,
        ]
        for (const origin of origins) {
          const headers = { cookie: alice.cookie, ...(origin !== undefined && { origin }) }
          const socket = await world.socket('/ws/chat/s', headers)
          expect(await socket.closed, `${origin}`).toEqual({ code: 1008, reason: 'Invalid token' })
          expect(socket.frames).toEqual([])
        }
        const socket = await world.socket('/ws/chat/s', { cookie: alice.cookie, origin: `http://${host}` })
        expect((await socket.next('connected')).user_id).toBe(alice.user)
        socket.close()
        await socket.closed
      })
    })

    describe('tricks with headers', () => {
      it('does not change the method', async () => {
        const before = await world.counts()
        for (const name of ['x-http-method-override', 'x-http-method', 'x-method-override']) {
          const answer = await world.ask('GET', '/api/v1/applications?_method=DELETE', {
            headers: { ...bearer(alice.jwt), [name]: 'POST' },
          })
          expect(Array.isArray(answer.json.data)).toBe(true)
        }
        expect(await world.counts()).toEqual(before)
      })

      it('believes neither who forwarded it nor another host', async () => {
        const headers = {
          'x-forwarded-host': 'evil.example',
          'x-forwarded-proto': 'https',
          'x-forwarded-for': '127.0.0.1',
          'x-original-url': '/api/v1/auth/me',
          'x-rewrite-url': '/api/v1/auth/me',
          host: 'evil.example',
        }
        const answer = await world.ask('GET', '/v1/models', { headers })
        expect(answer.status).toBe(401)
        const login = await world.must('POST', '/api/v1/auth/login', {
          headers,
          body: { email: alice.email, password: alice.password },
        })
        // No proxy is trusted here, so the connection is what it is: plain HTTP.
        for (const cookie of login.headers.getSetCookie()) expect(cookie).not.toContain('Secure')
        expect(login.text).not.toContain('evil.example')
      })

      it('takes the first of several credentials, and does not fall back to a weaker one', async () => {
        await refused({ ...bearer('parley_of_nobody'), 'x-api-key': alice.key }, 'bearer first')
        await refused({ 'x-api-key': 'parley_of_nobody', cookie: alice.cookie }, 'key before cookie')
      })

      it('keeps strange request ids out of its answers', async () => {
        for (const id of ['a b', '<script>', 'x'.repeat(200), "'"]) {
          const answer = await world.ask('GET', '/health', { headers: { 'x-request-id': id } })
          expect(answer.headers.get('x-request-id')).toMatch(/^req-[0-9a-f-]{36}$/)
        }
      })
    })
  })
