import type { Scope } from '#contracts/index.ts'
import { AppError, invalid } from '#errors/index.ts'
import { isWithin, readScopes } from '#features/keys/index.ts'
import { sha256 } from '#lib/hash.ts'
import type { Database } from '#store/index.ts'
import type { AuthPrincipal } from './authenticate.ts'
import { keyPrincipal } from './key-principal.ts'
import type { KeyTokens } from './key-tokens.ts'
import type { KeyUses } from './key-uses.ts'
import { findKeyAuthority, type KeyAuthority } from './store.ts'
import { accessLifetimeMs, sessionLifetimeMs } from './tokens.ts'

export interface ClientTokensDeps {
  database: Database
  now(): number
  keyTokens: KeyTokens
  uses: KeyUses
}

/** An API key as OAuth clients have it: its public id, and the key itself. */
export interface Client {
  id: string
  secret: string
}

/** What a client is given for its key: tokens that end with it and may do no more than it. */
export interface ClientGrant {
  accessToken: string
  refreshToken: string
  expiresInSeconds: number
  scopes: ReadonlySet<Scope>
  principal: AuthPrincipal
}

/** Clients of OpenID providers ask for these too; a key has no person behind it to tell of. */
const ofOpenId = new Set(['openid', 'email', 'profile', 'offline_access'])

/**
 * Tokens for a key. `scope` is a list with spaces; absent: all that the key has. Throws `unauthenticated` unless the
 * secret is the key of that id and still counts, and `invalid-request` (`scope`) for more than the key has.
 */
export async function grantToClient(deps: ClientTokensDeps, client: Client, scope?: string): Promise<ClientGrant> {
  const { row, principal } = await authenticateClient(deps, client)
  return give(deps, row, principal, scopesOf(scope, principal.scopes))
}

/**
 * New tokens for a refresh token of this client's, with its scopes or fewer. Throws as `grantToClient`, and
 * `invalid-request` (`refresh_token`) for one that is not, not any more, or another's.
 */
export async function refreshClient(
  deps: ClientTokensDeps,
  client: Client,
  refreshToken: string,
  scope?: string,
): Promise<ClientGrant> {
  const { row, principal } = await authenticateClient(deps, client)
  const claims = await deps.keyTokens.verify('refresh', refreshToken, deps.now()).catch(() => {
    throw noRefreshToken()
  })
  if (claims.keyId !== row.public_id || claims.mark !== deps.keyTokens.markOf(row.key_hash)) throw noRefreshToken()
  const most = claims.scopes.intersection(principal.scopes)
  return give(deps, row, principal, scopesOf(scope, most))
}

async function authenticateClient(
  deps: ClientTokensDeps,
  { id, secret }: Client,
): Promise<{ row: KeyAuthority; principal: AuthPrincipal }> {
  const row = await findKeyAuthority(deps.database, { hash: sha256(secret) })
  if (row?.public_id !== id.toLowerCase()) throw new AppError('unauthenticated', 'Unknown client or wrong secret')
  const principal = keyPrincipal(row, deps.now())
  deps.uses.count(row.id)
  return { row, principal }
}

async function give(
  deps: ClientTokensDeps,
  row: KeyAuthority,
  principal: AuthPrincipal,
  scopes: ReadonlySet<Scope>,
): Promise<ClientGrant> {
  if (scopes.size === 0) throw invalid('scope', 'Nothing is left of the scopes that were granted')
  const now = deps.now()
  const end = row.expires_at ?? Number.POSITIVE_INFINITY
  const expiresAt = Math.min(now + accessLifetimeMs, end)
  const claims = { keyId: row.public_id, mark: deps.keyTokens.markOf(row.key_hash), scopes }
  const refreshUntil = Math.min(now + sessionLifetimeMs, end)
  return {
    accessToken: await deps.keyTokens.sign('access', { ...claims, expiresAt }, now),
    refreshToken: await deps.keyTokens.sign('refresh', { ...claims, expiresAt: refreshUntil }, now),
    expiresInSeconds: Math.floor((expiresAt - now) / 1000),
    scopes,
    principal,
  }
}

function noRefreshToken(): AppError {
  return invalid('refresh_token', 'Invalid or expired refresh token')
}

function scopesOf(text: string | undefined, most: ReadonlySet<Scope>): ReadonlySet<Scope> {
  const names = (text ?? '').split(' ').filter((name) => name !== '' && !ofOpenId.has(name))
  if (names.length === 0) return most
  const scopes = readScopes('scope', names)
  if (!isWithin(scopes, most)) throw invalid('scope', 'The scope goes beyond what was granted')
  return scopes
}
