import { errors, type JWTPayload, jwtVerify } from 'jose'
import { AppError } from '#errors/index.ts'
import { emailOf } from '#lib/email.ts'
import { isStorable } from '#lib/text.ts'
import type { KeyFor } from './key-set.ts'
import type { ProviderSettings } from './settings.ts'

/** What a token of the identity provider says, read as the settings tell. */
export interface OutsideClaims {
  subject: string
  /** As addresses are kept here; absent: none, or none that is an address. */
  email?: string
  /** Undefined: the token says nothing of it. */
  emailVerified?: boolean
  name?: string
  /** Codes of workspaces, lower case; absent: the token names none. Empty: what it has there is no code. */
  tenants?: string[]
  /** The provider's words. */
  roles: string[]
  /** Unix ms. */
  issuedAt: number
  expiresAt: number
}

/** Asymmetric ones only: with a shared secret the public key itself would be one. */
const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519']
/** Tokens that tell of a logout or of an event are signed with the same keys. */
const types = new Set([undefined, 'jwt', 'at+jwt', 'application/at+jwt'])
const mostTenants = 20
const mostRoles = 200
const longest = 255

/** Throws `unauthenticated` for a token that does not count here, `overloaded` when nobody can look. */
export async function readClaims(
  token: string,
  keyFor: KeyFor,
  settings: ProviderSettings,
  now: number,
): Promise<OutsideClaims> {
  const { payload, protectedHeader } = await jwtVerify(token, keyFor, {
    algorithms,
    issuer: settings.issuer,
    audience: settings.audiences,
    clockTolerance: settings.clockSkewSeconds,
    requiredClaims: ['sub', 'iat', 'exp'],
    currentDate: new Date(now),
  }).catch((cause) => {
    if (cause instanceof AppError) throw cause
    throw refused(cause instanceof errors.JWTExpired ? 'The token has expired' : 'Invalid token', cause)
  })
  const { sub, iat, exp } = payload
  if (!types.has(protectedHeader.typ?.toLowerCase())) throw refused('Invalid token')
  if (typeof iat !== 'number' || typeof exp !== 'number' || !isName(sub)) throw refused('Invalid token')
  const email = claim(payload, settings.claims.email)
  const address = typeof email === 'string' ? emailOf(email) : undefined
  const verified = payload.email_verified
  const name = [payload.name, payload.preferred_username].find(isName)
  const tenants = claim(payload, settings.claims.tenant)
  return {
    subject: sub,
    ...(address !== undefined && { email: address }),
    // Some providers write it as a word.
    ...(verified !== undefined && { emailVerified: verified === true || verified === 'true' }),
    ...(name !== undefined && { name }),
    ...(!isNothing(tenants) && { tenants: words(tenants, mostTenants).map(lowerCase) }),
    roles: words(claim(payload, settings.claims.roles), mostRoles),
    issuedAt: iat * 1000,
    expiresAt: exp * 1000,
  }
}

/** A claim by its name, or by a path with dots into objects; names may contain dots themselves (URLs do). */
function claim(payload: JWTPayload, name: string): unknown {
  if (Object.hasOwn(payload, name)) return payload[name]
  let found: unknown = payload
  for (const step of name.split('.')) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, step)) return undefined
    found = (found as Record<string, unknown>)[step]
  }
  return found
}

/** A list of words, or one text of them with spaces between; what is neither says nothing. */
function words(value: unknown, most: number): string[] {
  const list = typeof value === 'string' ? value.split(' ') : Array.isArray(value) ? value : []
  return list.filter(isName).slice(0, most)
}

function isNothing(value: unknown): boolean {
  return value === undefined || value === null || value === '' || (Array.isArray(value) && value.length === 0)
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= longest && isStorable(value)
}

const lowerCase = (text: string) => text.toLowerCase()

function refused(message: string, cause?: unknown): AppError {
  return new AppError('unauthenticated', message, { cause })
}
