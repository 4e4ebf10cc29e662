import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type JWK, SignJWT, UnsecuredJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { databaseKinds } from '#test/support/databases.ts'
import { audience, type IdentityProvider, startIdentityProvider } from '#test/support/identity-provider.ts'
import { bearer, makeWorld, type Person, type World } from './world.ts'

const body = { model: 'gpt-sim', messages: [{ role: 'user', content: 'hello' }] }
const now = () => Math.floor(Date.now() / 1000)

for (const kind of databaseKinds)
  describe(`tokens of an identity provider on ${kind}`, () => {
    let idp: IdentityProvider
    /** Anybody's own provider: the same software, other keys. */
    let foreign: IdentityProvider
    let world: World
    let alice: Person
    const clock = { ahead: 0 }
    const env = { PARLEY_JWKS_DEFAULT_TENANT: 'default' }

    beforeAll(async () => {
      idp = await startIdentityProvider()
      foreign = await startIdentityProvider()
      world = await worldWith({})
      alice = await world.person('alice')
    })
    afterAll(async () => {
      await world?.close()
      await idp?.close()
      await foreign?.close()
    })

    function worldWith(more: Record<string, string>): Promise<World> {
      return makeWorld(kind, { env: { ...idp.env, ...env, ...more } }, { now: () => Date.now() + clock.ahead })
    }
    const me = (token: string, at = world) => at.ask('GET', '/api/v1/auth/me', { headers: bearer(token) })
    const verified = (more: object = {}) => ({
      email: `${crypto.randomUUID()}@example.test`,
      email_verified: true,
      ...more,
    })

    /** Neither a door nor a socket opens, and nothing is written. */
    async function refused(token: string, about: string) {
      const before = await world.counts()
      const openai = await world.ask('POST', '/v1/chat/completions', { headers: bearer(token), body })
      expect(openai.status, `${about}: ${openai.text}`).toBe(401)
      expect(openai.json.error).toMatchObject({ type: 'authentication_error', code: 'invalid_api_key' })
      expect((await me(token)).status, about).toBe(401)
      const socket = await world.socket(`/ws/chat/s?token=${encodeURIComponent(token)}`)
      expect(await socket.closed, about).toEqual({ code: 1008, reason: 'Invalid token' })
      expect(await world.counts()).toEqual(before)
    }

    it('believes nothing but what the provider signed for us, now', async () => {
      const claims = { iss: idp.issuer, aud: audience, sub: 'mallory', iat: now(), exp: now() + 600, ...verified() }
      const pem = createPublicKey({ key: idp.publicKey as never, format: 'jwk' }).export({
        type: 'spki',
        format: 'pem',
      })
      const { kid } = idp.publicKey
      const encoded = (text: string) => new TextEncoder().encode(text)
      const hs = (secret: string, typ: string) =>
        new SignJWT(claims).setProtectedHeader({ alg: 'HS256', typ, kid: kid! }).sign(encoded(secret))
      const right = await idp.sign(verified())
      const [head, payload, signature] = right.split('.') as [string, string, string]
      const headed = (header: object) => Buffer.from(JSON.stringify(header)).toString('base64url')
      const other = idp.newKey()
      const { d: _d, p: _p, q: _q, dp: _dp, dq: _dq, qi: _qi, ...otherPublic } = other as JWK & Record<string, unknown>
      const text = JSON.stringify(claims)
      const forged: Record<string, string> = {
        'alg none': new UnsecuredJWT(claims).encode(),
        'alg none with a signature': `${headed({ alg: 'none', kid })}.${payload}.${signature}`,
        'no algorithm': `${headed({ kid })}.${payload}.${signature}`,
        'HS with the public key as PEM': await hs(pem.toString(), 'at+jwt'),
        'HS with the public key as PEM, as a token of a key': await hs(pem.toString(), 'key+jwt'),
        'HS with the public key as JSON': await hs(JSON.stringify(idp.publicKey), 'JWT'),
        'HS with the modulus': await hs(idp.publicKey.n!, 'at+jwt'),
        'RS said, HS signed': `${headed({ alg: 'RS256', kid })}.${(await hs(pem.toString(), 'JWT')).split('.').slice(1).join('.')}`,
        'ES said': `${headed({ alg: 'ES256', kid })}.${payload}.${signature}`,
        'PS said': `${headed({ alg: 'PS256', kid })}.${payload}.${signature}`,
        'another key under the right name': await idp.sign(verified(), { kid }, other),
        'a key brought along': await idp.sign(verified(), { kid: 'mine', jwk: otherPublic }, other),
        'a key to be fetched': await idp.sign(verified(), { kid: 'mine', jku: foreign.jwksUrl }, other),
        'a certificate brought along': await idp.sign(verified(), { kid: 'mine', x5u: foreign.jwksUrl }, other),
        'an extension that we do not know': idp.signText(text, { crit: ['urn:example'], 'urn:example': true }),
        'claims that are not encoded': idp.signText(text, { crit: ['b64'], b64: false }),
        'another issuer': await idp.sign(verified({ iss: foreign.issuer })),
        'the issuer with a slash': await idp.sign(verified({ iss: `${idp.issuer}/` })),
        'issuers in a list': await idp.sign(verified({ iss: [idp.issuer] })),
        'no issuer': await idp.sign(verified({ iss: undefined })),
        'for another program': await idp.sign(verified({ aud: 'chat-client' })),
        'for nobody': await idp.sign(verified({ aud: undefined })),
        'for a name that begins alike': await idp.sign(verified({ aud: `${audience}-admin` })),
        expired: await idp.sign(verified({ iat: now() - 600, exp: now() - 61 })),
        'not yet': await idp.sign(verified({ nbf: now() + 120 })),
        'without an end': await idp.sign(verified({ exp: undefined })),
        'without a beginning': await idp.sign(verified({ iat: undefined })),
        'of nobody': await idp.sign(verified({ sub: undefined })),
        'of the empty name': await idp.sign(verified({ sub: '' })),
        'of a name with NUL': await idp.sign(verified({ sub: 'a\0b' })),
        'of a name without end': await idp.sign(verified({ sub: 'x'.repeat(256) })),
        'of a number': await idp.sign(verified({ sub: 7 })),
        'of a logout': await idp.sign(verified(), { typ: 'logout+jwt' }),
        'of an event': await idp.sign(verified(), { typ: 'secevent+jwt' }),
        'a changed payload': `${head}.${Buffer.from(text).toString('base64url')}.${signature}`,
        'no JSON': idp.signText('not JSON'),
        'a list': idp.signText('[]'),
        'cut off': right.slice(0, -1),
        'longer than any': `${await idp.sign(verified({ padding: 'x'.repeat(8192) }))}`,
        'the foreign provider’s own': await foreign.login(foreign.person(verified())),
        'our own key’s type': await idp.sign(verified(), { typ: 'key+jwt' }),
      }
      const asked = foreign.keyRequests
      for (const [name, token] of Object.entries(forged)) await refused(token, name)
      // No token tells us where to look for keys.
      expect(foreign.keyRequests).toBe(asked)
      // The same means make a token that counts: the refusals above are for what they say.
      expect((await me(idp.signText(text))).status).toBe(200)
      for (const typ of ['at+jwt', 'JWT', undefined])
        expect((await me(await idp.sign(verified(), { typ }))).status).toBe(200)
      expect((await me(await idp.sign(verified({ aud: ['x', audience] })))).status).toBe(200)
    })

    it('lets clocks differ by half a minute', async () => {
      const sub = 'unpunctual'
      expect((await me(await idp.sign({ ...verified(), sub }))).status).toBe(200)
      expect((await me(await idp.sign({ sub, nbf: now() + 20 }))).status).toBe(200)
      const late = await idp.sign({ sub, iat: now() - 600, exp: now() - 10 })
      expect((await me(late)).status).toBe(200)
      clock.ahead = 25_000
      expect((await me(late)).status).toBe(401)
      clock.ahead = 0
    })

    it('tells tokens apart that begin alike', async () => {
      const one = await me(await idp.sign(verified({ sub: 'twin-one' })))
      const two = await me(await idp.sign(verified({ sub: 'twin-two' })))
      expect(one.json.data.id).not.toBe(two.json.data.id)
      const token = await idp.sign({ sub: 'twin-one' })
      expect((await me(token)).status).toBe(200)
      for (const changed of [`${token}A`, `${token.slice(0, -4)}AAAA`, token.slice(0, 60)])
        expect((await me(changed)).status).toBe(401)
    })

    describe('somebody’s e-mail address opens nobody’s account', () => {
      const claim = (email: unknown, more: object = {}) => idp.sign({ sub: crypto.randomUUID(), email, ...more })

      it('not without the provider’s word that it is his', async () => {
        const fresh = 'fresh@example.test'
        for (const email_verified of [undefined, false, 'false', 0, 1, 'yes', null]) {
          const answer = await me(await claim(fresh, { email_verified }))
          expect(answer.status, String(email_verified)).toBe(403)
          expect(answer.json.message).toContain('verified')
        }
        for (const email of [undefined, '', 'no address', 'a\0@example.test', ['a@example.test'], 5])
          expect((await me(await claim(email, { email_verified: true }))).status).toBe(403)
      })

      it('not even with it, unless the operator says so', async () => {
        for (const email of [alice.email, alice.email.toUpperCase(), ` ${alice.email}`]) {
          const answer = await me(await claim(email, { email_verified: true }))
          expect(answer.status).toBe(403)
          expect(answer.text).not.toContain(alice.user)
        }
        // Nor by another provider that says the same, with the same `sub` as somebody of ours.
        const sub = idp.person(verified())
        expect((await me(await idp.login(sub))).status).toBe(200)
        await refused(await foreign.sign({ sub, iss: idp.issuer }), 'the same subject elsewhere')
        await refused(await foreign.sign({ sub }), 'the same subject of another issuer')
      })

      it('with it, where the operator links addresses; and then only a verified one', async () => {
        const linking = await worldWith({ PARLEY_JWKS_LINK_EMAIL: 'on' })
        const bob = await linking.person('bob')
        const unverified = await claim(bob.email)
        expect((await me(unverified, linking)).status).toBe(403)
        const linked = await me(await claim(bob.email, { email_verified: true, sub: 'bob-there' }), linking)
        expect(linked.json.data.id).toBe(bob.user)
        // From now on it is he by his `sub`, whatever address his token has.
        const later = await me(await claim(alice.email, { sub: 'bob-there' }), linking)
        expect(later.json.data.id).toBe(bob.user)
        await linking.close()
      })

      it('a provider that says nothing of it may be trusted, not one that denies it', async () => {
        const trusting = await worldWith({ PARLEY_JWKS_TRUST_EMAIL: 'on' })
        expect((await me(await claim('said@example.test'), trusting)).status).toBe(200)
        const denied = await claim('denied@example.test', { email_verified: false })
        expect((await me(denied, trusting)).status).toBe(403)
        await trusting.close()
      })
    })

    it('nobody waits under the code of a workspace that is to come', async () => {
      const named = await world.ask('PATCH', `/api/v1/workspaces/${alice.workspace}`, {
        headers: bearer(alice.jwt),
        body: { code: 'a-big-company' },
      })
      expect(named.status).toBe(403)
      const seen = await world.ask('GET', `/api/v1/workspaces/${alice.workspace}`, { headers: bearer(alice.jwt) })
      // The code that every workspace has is not to be guessed; who comes with it is let in, as the provider says.
      expect(seen.json.data.code).toMatch(/^[0-9a-f]{32}$/)
    })

    describe('the key set', () => {
      let elsewhere: Server
      let redirected = 0
      beforeAll(async () => {
        elsewhere = createServer((_, response) => {
          redirected++
          response.end(JSON.stringify({ keys: [idp.publicKey] }))
        })
        await new Promise<void>((resolve) => elsewhere.listen(0, '127.0.0.1', resolve))
      })
      afterAll(() => void elsewhere.close())

      const weak = () => {
        const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 1024 })
        return { ...publicKey.export({ format: 'jwk' }), kid: idp.publicKey.kid! }
      }
      const json = (value: () => unknown) => (response: ServerResponse) => void response.end(JSON.stringify(value()))
      const answers: [string, number, (response: ServerResponse) => void][] = [
        [
          'that is a redirect is not followed',
          503,
          (response) => {
            const { port } = elsewhere.address() as AddressInfo
            response.writeHead(302, { location: `http://127.0.0.1:${port}/` }).end()
          },
        ],
        ['that is an error is none', 503, (response) => void response.writeHead(500).end('{"keys":[]}')],
        ['that is no JSON is none', 503, (response) => void response.end('<html>')],
        ['that is another object is none', 503, json(() => ({ keys: 'x' }))],
        ['that is too large is none', 503, json(() => ({ keys: [idp.publicKey], x: 'x'.repeat(300_000) }))],
        ['with too many keys is none', 503, json(() => ({ keys: Array.from({ length: 101 }, () => idp.publicKey) }))],
        ['that breaks off is none', 503, (response) => void response.socket?.destroy()],
        ['without the key refuses the token', 401, json(() => ({ keys: [] }))],
        ['whose key is too weak refuses the token', 401, json(() => ({ keys: [weak()] }))],
        [
          'whose key is a shared secret refuses the token',
          401,
          json(() => ({ keys: [{ kty: 'oct', k: 'c2VjcmV0', kid: idp.publicKey.kid }] })),
        ],
      ]
      for (const [name, status, answer] of answers)
        it(name, async () => {
          const fresh = await worldWith({})
          idp.instead = answer
          try {
            expect((await me(await idp.sign(verified()), fresh)).status).toBe(status)
            expect(redirected).toBe(0)
          } finally {
            idp.instead = undefined
            await fresh.close()
          }
        })
    })
  })
