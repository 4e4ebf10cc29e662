import { bad } from './bad.ts'

/** Whose tokens are believed besides our own, and what in them means what (docs/recipes/use-an-identity-provider.md). */
export interface IdentityProvider {
  jwksUrl: string
  /** Exactly what stands in `iss`. */
  issuer: string
  /** One of these must stand in `aud`. */
  audiences: string[]
  /** Names of claims, or paths with dots. */
  claims: { email: string; tenant: string; roles: string }
  /** The provider's word for a role → ours; absent: roles are given here. */
  roles?: Record<string, 'owner' | 'admin' | 'member'>
  /** An address counts as verified when the token does not say anything about it. */
  trustEmail: boolean
  /** Whoever has a verified address gets the account here that has it already. */
  linkEmail: boolean
  /** Code of the workspace of tokens without the tenant claim. */
  defaultTenant?: string
  /** A workspace is made for a code that none has. */
  createTenants: boolean
  clockSkewSeconds: number
}

interface Readers {
  text(name: string): string | undefined
  flag(name: string, fallback: boolean): boolean
  integer(name: string, fallback: number, least: number, most: number): number
}

/** All three of URL, issuer and audience, or none: then absent. Throws `invalid-request` naming the variable that is missing or cannot be understood. */
export function readIdentityProvider({ text, flag, integer }: Readers): IdentityProvider | undefined {
  const jwksUrl = text('PARLEY_JWKS_URL')
  if (jwksUrl === undefined) {
    if (text('PARLEY_JWKS_ISSUER') === undefined && text('PARLEY_JWKS_AUDIENCE') === undefined) return undefined
    throw bad('PARLEY_JWKS_URL', 'set when PARLEY_JWKS_ISSUER or PARLEY_JWKS_AUDIENCE is')
  }
  if (!/^https?:$/.test(URL.parse(jwksUrl)?.protocol ?? '')) throw bad('PARLEY_JWKS_URL', 'an http:// or https:// URL')
  const need = (name: string) => {
    const value = text(name)
    if (value === undefined) throw bad(name, 'set when PARLEY_JWKS_URL is')
    return value
  }
  const roles = text('PARLEY_JWKS_ROLES')
  const defaultTenant = text('PARLEY_JWKS_DEFAULT_TENANT')?.toLowerCase()
  return {
    jwksUrl,
    issuer: need('PARLEY_JWKS_ISSUER'),
    audiences: listOf(need('PARLEY_JWKS_AUDIENCE')),
    claims: {
      email: text('PARLEY_JWKS_EMAIL_CLAIM') ?? 'email',
      tenant: text('PARLEY_JWKS_TENANT_CLAIM') ?? 'tenant_code',
      roles: text('PARLEY_JWKS_ROLES_CLAIM') ?? 'roles',
    },
    ...(roles !== undefined && { roles: rolesOf(roles) }),
    trustEmail: flag('PARLEY_JWKS_TRUST_EMAIL', false),
    linkEmail: flag('PARLEY_JWKS_LINK_EMAIL', false),
    ...(defaultTenant !== undefined && { defaultTenant }),
    createTenants: flag('PARLEY_JWKS_CREATE_TENANTS', false),
    clockSkewSeconds: integer('PARLEY_JWKS_CLOCK_SKEW', 30, 0, 60),
  }
}

function listOf(text: string): string[] {
  const list = text
    .split(',')
    .map((one) => one.trim())
    .filter(Boolean)
  if (list.length === 0) throw bad('PARLEY_JWKS_AUDIENCE', 'a name, or several with commas')
  return list
}

/** `their-word=our-role`, with commas; an equals sign in their word is theirs. */
function rolesOf(text: string): NonNullable<IdentityProvider['roles']> {
  const entries = text.split(',').map((pair): [string, 'owner' | 'admin' | 'member'] => {
    const at = pair.lastIndexOf('=')
    const [theirs, ours] = [pair.slice(0, at).trim(), pair.slice(at + 1).trim()]
    if (at < 0 || theirs === '' || (ours !== 'owner' && ours !== 'admin' && ours !== 'member'))
      throw bad('PARLEY_JWKS_ROLES', 'a list such as "their-admins=admin,their-owners=owner"')
    return [theirs, ours]
  })
  return Object.fromEntries(entries)
}
