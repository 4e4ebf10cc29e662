import type { Principal, Ref } from '#contracts/index.ts'
import { AppError } from '#errors/index.ts'
import { allScopes, looksLikeJwt } from '#features/keys/index.ts'
import { listMemberships } from '#features/workspaces/index.ts'
import { ExpiringCache } from '#lib/expiring-cache.ts'
import { sha256 } from '#lib/hash.ts'
import type { Signal } from '#lib/signal.ts'
import type { Database } from '#store/index.ts'
import { keyPrincipal, keyTokenPrincipal } from './key-principal.ts'
import { type KeyTokenClaims, type KeyTokens, keyTokenType } from './key-tokens.ts'
import type { KeyUses } from './key-uses.ts'
import type { Outside, OutsideLogin } from './outside/index.ts'
import { requireMeant } from './policy.ts'
import { findKeyAuthority, findSessionAuthority, isLive, type SessionAuthority } from './store.ts'
import { jwtHeader, type Tokens, type TokenUse } from './tokens.ts'

/** What a request carries, as it was sent; none of it is believed yet. */
export interface Credentials {
  /** After `Authorization: Bearer `: a token, or an API key. */
  bearer?: string
  /** X-API-Key. */
  apiKey?: string
  /** The cookie `parley_session`. */
  cookie?: string
  /** X-CSRF-Token. */
  csrfToken?: string
  /** The method changes something, so a cookie alone is not enough. */
  unsafeMethod?: boolean
  /** X-Workspace-Id; empty is as good as absent. */
  workspaceId?: string
}

export interface AuthPrincipal extends Principal {
  /** The login this request belongs to; keys, apps and logins elsewhere have none. */
  session?: Ref
  /** What the token says that was given for the key. */
  keyToken?: KeyTokenClaims
  /** The login at the identity provider. */
  outside?: OutsideLogin
}

export interface AuthenticateDeps {
  database: Database
  now(): number
  accessChanged: Signal
  tokens: Tokens
  keyTokens: KeyTokens
  uses: KeyUses
  /** Absent: no identity provider is set up. */
  outside?: Outside
}

export interface Known {
  principal: AuthPrincipal
  /** The credential's own end, which may come before the cache's. */
  until: number
}

const ttlMs = 5000
const maxEntries = 10_000
/** Providers write every group of a person into his token. */
const longestCredential = 8192

/**
 * Credentials → principal. One that was seen in the last seconds is answered at once, without a promise: a hash of the
 * whole credential and one look into a map. Every change made in this process empties the map.
 */
export function authenticator(deps: AuthenticateDeps) {
  const known = new ExpiringCache<Known>({ maxEntries, ttlMs, now: deps.now })
  deps.accessChanged.on(() => known.clear())

  /**
   * Looks at the bearer, the API key and the cookie, in this order; the first that is there decides. Throws
   * `unauthenticated`, `not-found` for a workspace the caller is not in, `forbidden` for a cookie without its CSRF token and
   * for a person of the identity provider who may not come in, and `overloaded` when the provider's keys are not to be had.
   */
  function authenticate(credentials: Credentials): AuthPrincipal | Promise<AuthPrincipal> {
    const { bearer, apiKey, cookie } = credentials
    if (bearer) return looksLikeJwt(bearer) ? byToken('access', bearer, credentials) : byKey(bearer, credentials)
    if (apiKey) return byKey(apiKey, credentials)
    if (cookie) return byToken('session', cookie, credentials)
    throw new AppError('unauthenticated', 'Authentication required')
  }

  function byKey(key: string, { workspaceId }: Credentials): AuthPrincipal | Promise<AuthPrincipal> {
    const hash = digest(key)
    const name = `key ${hash} ${workspaceId ?? ''}`
    return lookUp(name) ?? load(name, () => loadKey(hash, workspaceId))
  }

  function byToken(use: TokenUse, token: string, request: Credentials): AuthPrincipal | Promise<AuthPrincipal> {
    const name = `${use} ${digest(token)} ${request.workspaceId ?? ''}`
    const hit = lookUp(name)
    const wanted = request.workspaceId?.toLowerCase()
    if (use === 'access') return hit ?? load(name, () => loadBearer(token, wanted))
    return hit ? meant(hit, request) : load(name, () => loadToken(use, token, wanted), request)
  }

  function lookUp(name: string): AuthPrincipal | undefined {
    const hit = known.get(name)
    if (!hit || hit.until <= deps.now()) return undefined
    if (hit.principal.key) deps.uses.count(hit.principal.key.id)
    return hit.principal
  }

  async function load(name: string, look: () => Promise<Known>, request?: Credentials): Promise<AuthPrincipal> {
    const { epoch } = known
    const found = await look()
    known.set(name, found, epoch)
    if (found.principal.key) deps.uses.count(found.principal.key.id)
    return request ? meant(found.principal, request) : found.principal
  }

  function meant(principal: AuthPrincipal, request: Credentials): AuthPrincipal {
    requireMeant(deps.tokens, principal.session!.publicId, request)
    return principal
  }

  async function loadKey(hash: string, workspaceId: string | undefined): Promise<Known> {
    const row = await findKeyAuthority(deps.database, { hash })
    const principal = keyPrincipal(row, deps.now())
    requireWorkspace(principal.workspace.publicId, workspaceId?.toLowerCase())
    return { principal, until: row?.expires_at ?? Number.POSITIVE_INFINITY }
  }

  /** The header only says which key a token claims to be signed with; each of the three believes no other's. */
  async function loadBearer(token: string, workspaceId: string | undefined): Promise<Known> {
    const { alg, typ } = jwtHeader(token)
    if (alg?.startsWith('HS'))
      return typ === keyTokenType ? loadKeyToken(token, workspaceId) : loadToken('access', token, workspaceId)
    if (!deps.outside) throw new AppError('unauthenticated', 'Invalid token')
    const { principal, expiresAt } = await deps.outside.enter(token, workspaceId)
    return { principal, until: expiresAt }
  }

  async function loadKeyToken(token: string, workspaceId: string | undefined): Promise<Known> {
    const now = deps.now()
    const claims = await deps.keyTokens.verify('access', token, now)
    const row = await findKeyAuthority(deps.database, { publicId: claims.keyId })
    const principal = keyTokenPrincipal(row, claims, deps.keyTokens, now)
    requireWorkspace(principal.workspace.publicId, workspaceId)
    return { principal, until: Math.min(claims.expiresAt, row?.expires_at ?? Number.POSITIVE_INFINITY) }
  }

  async function loadToken(use: TokenUse, token: string, wanted: string | undefined): Promise<Known> {
    const claims = await deps.tokens.verify(use, token, deps.now())
    const row = await findSessionAuthority(deps.database, claims.sessionId)
    if (row?.user_public_id !== claims.userId) throw loggedOut()
    const { workspaceId } = claims
    if (workspaceId !== undefined) requireWorkspace(workspaceId, wanted)
    const principal = await sessionPrincipal(use === 'access' ? 'jwt' : 'session', row, workspaceId ?? wanted)
    if (workspaceId !== undefined) principal.bound = true
    return { principal, until: Math.min(claims.expiresAt, row.expires_at) }
  }

  async function sessionPrincipal(
    method: 'jwt' | 'session',
    row: SessionAuthority | undefined,
    workspaceId?: string,
  ): Promise<AuthPrincipal> {
    if (!row || !isLive(row, deps.now())) throw loggedOut()
    const memberships = await listMemberships(deps.database, row.user_id)
    const chosen = workspaceId ? memberships.find((one) => one.public_id === workspaceId) : memberships[0]
    if (!chosen) throw noWorkspace()
    return {
      method,
      user: { id: row.user_id, publicId: row.user_public_id },
      workspace: { id: chosen.id, publicId: chosen.public_id },
      role: chosen.role,
      scopes: allScopes,
      session: { id: row.id, publicId: row.public_id },
    }
  }

  /**
   * The same caller as the database knows him now, for connections that stay open: the role may be another. Throws
   * `unauthenticated` after a logout, a revocation or a password change, but not because an access token of ours grew old: the
   * session or the key behind it is asked. Behind an identity provider's there is nothing to ask, so it ends a connection.
   */
  async function renew(principal: AuthPrincipal): Promise<AuthPrincipal> {
    const { key, keyToken, session } = principal
    if (key) {
      const row = await findKeyAuthority(deps.database, { id: key.id })
      return keyToken ? keyTokenPrincipal(row, keyToken, deps.keyTokens, deps.now()) : keyPrincipal(row, deps.now())
    }
    if (principal.outside && deps.outside) return deps.outside.renew(principal)
    if (!session || principal.method === 'api-key' || principal.method === 'app-token') throw loggedOut()
    const row = await findSessionAuthority(deps.database, session.publicId)
    const renewed = await sessionPrincipal(principal.method, row, principal.workspace.publicId)
    if (principal.bound) renewed.bound = true
    return renewed
  }

  return { authenticate, renew }
}

function digest(credential: string): string {
  if (credential.length > longestCredential) throw new AppError('unauthenticated', 'Invalid credential')
  return sha256(credential)
}

/** A credential that belongs to a workspace acts in no other. Throws `not-found`. */
export function requireWorkspace(own: string, wanted: string | undefined): void {
  if (wanted && wanted !== own) throw noWorkspace()
}

function loggedOut(): AppError {
  return new AppError('unauthenticated', 'The session has ended')
}

export function noWorkspace(): AppError {
  return new AppError('not-found', 'Workspace not found')
}
