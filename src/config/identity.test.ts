import { describe, expect, it } from 'vitest'
import { readEnv } from './env.ts'

const needed = {
  PARLEY_JWKS_URL: 'https://login.example.test/keys',
  PARLEY_JWKS_ISSUER: 'https://login.example.test/',
  PARLEY_JWKS_AUDIENCE: 'parley, other',
}

describe('the identity provider', () => {
  it('is none without the address of its keys', () => {
    expect(readEnv({}).identity).toBeUndefined()
    expect(readEnv({ PARLEY_JWKS_ROLES: 'x=admin' }).identity).toBeUndefined()
    expect(() => readEnv({ ...needed, PARLEY_JWKS_URL: '' })).toThrow('PARLEY_JWKS_URL must be set')
  })

  it('needs issuer and audience, and has defaults for the rest', () => {
    expect(readEnv(needed).identity).toEqual({
      jwksUrl: 'https://login.example.test/keys',
      issuer: 'https://login.example.test/',
      audiences: ['parley', 'other'],
      claims: { email: 'email', tenant: 'tenant_code', roles: 'roles' },
      trustEmail: false,
      linkEmail: false,
      createTenants: false,
      clockSkewSeconds: 30,
    })
    for (const name of ['PARLEY_JWKS_ISSUER', 'PARLEY_JWKS_AUDIENCE'])
      expect(() => readEnv({ ...needed, [name]: undefined })).toThrow(`${name} must be set when PARLEY_JWKS_URL is`)
  })

  it('maps roles, also those with an equals sign', () => {
    const { identity } = readEnv({ ...needed, PARLEY_JWKS_ROLES: ' cn=admins=admin , owners = owner,__proto__=member' })
    expect(Object.entries(identity!.roles!)).toEqual([
      ['cn=admins', 'admin'],
      ['owners', 'owner'],
      ['__proto__', 'member'],
    ])
    for (const roles of ['admin', '=admin', 'x=root', 'x=', ','])
      expect(() => readEnv({ ...needed, PARLEY_JWKS_ROLES: roles })).toThrow('PARLEY_JWKS_ROLES')
  })

  it.each([
    ['PARLEY_JWKS_URL', 'file:///etc/passwd'],
    ['PARLEY_JWKS_URL', 'login.example.test'],
    ['PARLEY_JWKS_AUDIENCE', ' , '],
    ['PARLEY_JWKS_CLOCK_SKEW', '61'],
    ['PARLEY_JWKS_CLOCK_SKEW', '-1'],
    ['PARLEY_JWKS_LINK_EMAIL', 'perhaps'],
  ])('stops the start by naming %s when it is %j', (name, value) => {
    expect(() => readEnv({ ...needed, [name]: value })).toThrow(name)
  })
})
