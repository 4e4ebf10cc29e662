import type { Principal, Ref, WorkspaceRole } from '#contracts/index.ts'
import { AppError } from '#errors/index.ts'
import { allScopes, looksLikeJwt, restoreScopes } from '#features/keys/index.ts'
import { listMemberships } from '#features/workspaces/index.ts'
import { ExpiringCache } from '#lib/expiring-cache.ts'
import { sha256 } from '#lib/hash.ts'
import type { Signal } from '#lib/signal.ts'
import type { Database } from '#store/index.ts'
import type { KeyUses } from './key-uses.ts'
import { requireMeant } from './policy.ts'
import { findKeyAuthority, findSessionAuthority, isLive, type KeyAuthority, type SessionAuthority } from './store.ts'
import type { Tokens, TokenUse } from './tokens.ts'

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
  /** The login this request belongs to; keys and apps have none. */
  session?: Ref
}

export interface AuthenticateDeps {
  database: Database
  now(): number
  accessChanged: Signal
  tokens: Tokens
  uses: KeyUses
}

interface Known {
  principal: AuthPrincipal
  /** The credential's own end, which may come before the cache's. */
  until: number
}

const ttlMs = 5000
const maxEntries = 10_000
const longestCredential = 4096

/**
 * Credentials → principal. One that was seen in the last seconds is answered at once, without a promise: a hash of the
 * whole credential and one look into a map. Every change made in this process empties the map.
 */
export function authenticator(deps: AuthenticateDeps) {
  const known = new ExpiringCache<Known>({ maxEntries, ttlMs, now: deps.now })
  deps.accessChanged.on(() => known.clear())

  /**
   * Looks at the bearer, the API key and the cookie, in this order; the first that is there decides. Throws
   * `unauthenticated`, `not-found` for a workspace the caller is not in, and `forbidden` for a cookie without its
   * CSRF token.
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
    const hit = lookUp(name)
    if (!hit) return loadKey(name, hash, workspaceId)
    deps.uses.count(hit.key!.id)
    return hit
  }

  function byToken(use: TokenUse, token: string, request: Credentials): AuthPrincipal | Promise<AuthPrincipal> {
    const name = `${use} ${digest(token)} ${request.workspaceId ?? ''}`
    const hit = lookUp(name)
    if (!hit) return loadToken(name, use, token, request)
    if (use === 'session') requireMeant(deps.tokens, hit.session!.publicId, request)
    return hit
  }

  function lookUp(name: string): AuthPrincipal | undefined {
    const hit = known.get(name)
    return hit && hit.until > deps.now() ? hit.principal : undefined
  }

  async function loadKey(name: string, hash: string, workspaceId: string | undefined): Promise<AuthPrincipal> {
    const { epoch } = known
    const row = await findKeyAuthority(deps.database, { hash })
    const principal = keyPrincipal(row, deps.now())
    if (workspaceId && workspaceId.toLowerCase() !== principal.workspace.publicId) throw noWorkspace()
    known.set(name, { principal, until: row?.expires_at ?? Number.POSITIVE_INFINITY }, epoch)
    deps.uses.count(principal.key!.id)
    return principal
  }

  async function loadToken(name: string, use: TokenUse, token: string, request: Credentials): Promise<AuthPrincipal> {
    const { epoch } = known
    const claims = await deps.tokens.verify(use, token, deps.now())
    const row = await findSessionAuthority(deps.database, claims.sessionId)
    if (row?.user_public_id !== claims.userId) throw loggedOut()
    const method = use === 'access' ? 'jwt' : 'session'
    const principal = await sessionPrincipal(method, row, request.workspaceId?.toLowerCase())
    known.set(name, { principal, until: Math.min(claims.expiresAt, row.expires_at) }, epoch)
    if (use === 'session') requireMeant(deps.tokens, claims.sessionId, request)
    return principal
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
   * `unauthenticated` after a logout, a revocation or a password change, but not because an access token grew old.
   */
  async function renew(principal: AuthPrincipal): Promise<AuthPrincipal> {
    if (principal.key) return keyPrincipal(await findKeyAuthority(deps.database, { id: principal.key.id }), deps.now())
    if (!principal.session || principal.method === 'api-key' || principal.method === 'app-token') throw loggedOut()
    const row = await findSessionAuthority(deps.database, principal.session.publicId)
    return sessionPrincipal(principal.method, row, principal.workspace.publicId)
  }

  return { authenticate, renew }
}

function digest(credential: string): string {
  if (credential.length > longestCredential) throw new AppError('unauthenticated', 'Invalid credential')
  return sha256(credential)
}

function keyPrincipal(row: KeyAuthority | undefined, now: number): AuthPrincipal {
  if (!row || row.revoked_at !== null || row.disabled !== 0) throw new AppError('unauthenticated', 'Invalid API key')
  if (row.expires_at !== null && row.expires_at <= now) throw new AppError('unauthenticated', 'The API key has expired')
  return {
    method: 'api-key',
    user: { id: row.user_id, publicId: row.user_public_id },
    workspace: { id: row.workspace_id, publicId: row.workspace_public_id },
    role: row.role as WorkspaceRole,
    scopes: restoreScopes(row.scopes),
    key: { id: row.id, publicId: row.public_id, ratePerMinute: row.rate_limit },
  }
}

function loggedOut(): AppError {
  return new AppError('unauthenticated', 'The session has ended')
}

function noWorkspace(): AppError {
  return new AppError('not-found', 'Workspace not found')
}
