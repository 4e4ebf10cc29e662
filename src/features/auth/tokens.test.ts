import { generateKeyPairSync } from 'node:crypto'
import { SignJWT, UnsecuredJWT } from 'jose'
import { describe, expect, test } from 'vitest'
import { deriveKey } from '#lib/seal.ts'
import { accessLifetimeMs, tokens } from './tokens.ts'

const secret = 'a master secret'
const key = deriveKey(secret, 'jwt')
const own = tokens(secret)
const claims = { userId: 'user-1', sessionId: 'session-1' }
const now = 1_800_000_000_000

/** A token that is right in everything but what a test changes. */
function forge(change: { header?: object; key?: Parameters<SignJWT['sign']>[0]; payload?: object } = {}) {
  const payload = {
    sub: 'user-1',
    sid: 'session-1',
    iss: 'parley',
    aud: 'parley',
    iat: now / 1000,
    exp: now / 1000 + 60,
    ...change.payload,
  }
  return new SignJWT(payload)
    .setProtectedHeader({ alg: 'HS256', typ: 'at+jwt', ...change.header })
    .sign(change.key ?? key)
}
const invalid = expect.objectContaining({ code: 'unauthenticated' })

test('a token is read for its use, until it expires', async () => {
  const token = await own.sign('access', claims, now)
  expect(await own.verify('access', token, now)).toEqual({ ...claims, expiresAt: now + accessLifetimeMs })
  expect(await own.verify('access', token, now + accessLifetimeMs - 1000)).toMatchObject(claims)
  await expect(own.verify('access', token, now + accessLifetimeMs)).rejects.toMatchObject({
    message: 'The token has expired',
  })
})

test('an access token is no session cookie, nor the other way round', async () => {
  await expect(own.verify('session', await own.sign('access', claims, now), now)).rejects.toEqual(invalid)
  await expect(own.verify('access', await own.sign('session', claims, now), now)).rejects.toEqual(invalid)
})

test.for(['HS256', 'HS384', 'HS512'])('accepts %s', async (alg) => {
  // The longer algorithms need no longer key to verify, only to sign.
  expect(await own.verify('access', await forge({ header: { alg } }), now)).toMatchObject(claims)
})

describe('refuses', () => {
  test('alg none', async () => {
    const token = new UnsecuredJWT({
      ...claims,
      sub: 'user-1',
      sid: 'session-1',
      iss: 'parley',
      aud: 'parley',
      iat: now / 1000,
      exp: now / 1000 + 60,
    }).encode()
    await expect(own.verify('access', token, now)).rejects.toEqual(invalid)
    const [, payload, signature] = (await forge()).split('.')
    for (const alg of ['none', 'None', 'NONE', ''])
      for (const end of ['', signature]) {
        const header = Buffer.from(JSON.stringify({ alg, typ: 'at+jwt' })).toString('base64url')
        await expect(own.verify('access', `${header}.${payload}.${end}`, now)).rejects.toEqual(invalid)
      }
  })

  test('asymmetric algorithms, and a public key used as the secret', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    await expect(own.verify('access', await forge({ header: { alg: 'RS256' }, key: privateKey }), now)).rejects.toEqual(
      invalid,
    )
    const pem = Buffer.from(publicKey.export({ type: 'spki', format: 'pem' }) as string)
    await expect(own.verify('access', await forge({ key: pem }), now)).rejects.toEqual(invalid)
  })

  test.for([
    ['another secret', { key: deriveKey('another', 'jwt') }],
    ['the master secret itself', { key: new TextEncoder().encode(secret.padEnd(32)) }],
    ['a key of another purpose', { key: deriveKey(secret, 'csrf') }],
    ['another issuer', { payload: { iss: 'elsewhere' } }],
    ['another audience', { payload: { aud: 'elsewhere' } }],
    ['no expiry', { payload: { exp: undefined } }],
    ['an expiry that is past', { payload: { exp: now / 1000 } }],
    ['no subject', { payload: { sub: undefined } }],
    ['no session', { payload: { sid: undefined } }],
    ['a session that is no text', { payload: { sid: { $ne: '' } } }],
    ['no type', { header: { typ: undefined } }],
    ['a plain JWT type', { header: { typ: 'JWT' } }],
    ['an unknown critical header', { header: { crit: ['b64'], b64: false } }],
  ] as const)('%s', async ([, change]) => {
    const token = await forge(change as never).catch(() => 'unsignable.x.y')
    await expect(own.verify('access', token, now)).rejects.toEqual(invalid)
  })

  test.for(['', 'a.b.c', 'eyJ.eyJ.', '...', "' or 1=1 --", '\0', 'eyJhbGciOiJIUzI1NiJ9..'])('%j', async (token) => {
    await expect(own.verify('access', token, now)).rejects.toEqual(invalid)
  })

  test('a changed character anywhere in the signature', async () => {
    const token = await own.sign('access', claims, now)
    const at = token.lastIndexOf('.') + 5
    const changed = token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1)
    await expect(own.verify('access', changed, now)).rejects.toEqual(invalid)
  })
})

test('a CSRF token belongs to one session and one secret', () => {
  const token = own.csrfToken('session-1')
  expect(own.isCsrfToken('session-1', token)).toBe(true)
  for (const wrong of [
    '',
    token.slice(1),
    `${token}x`,
    own.csrfToken('session-2'),
    tokens('another').csrfToken('session-1'),
  ])
    expect(own.isCsrfToken('session-1', wrong)).toBe(false)
})
