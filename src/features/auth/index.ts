/**
 * Who is calling: tokens, sessions, API keys, app tokens and tokens of an identity provider → Principal. Knows no headers and
 * no cookies, only what stood in them. What a principal may do is told by the policies of the rooms that own the things.
 */
import type { Users } from '#features/users/index.ts'
import { bind } from '#lib/bind.ts'
import type { Signal } from '#lib/signal.ts'
import type { Database } from '#store/index.ts'
import { type AppPrincipal, principalForApp, renewAppPrincipal } from './app-principal.ts'
import { type AuthPrincipal, authenticator } from './authenticate.ts'
import { grantToClient, refreshClient } from './client-tokens.ts'
import { keyTokens } from './key-tokens.ts'
import { keyUses } from './key-uses.ts'
import { changePassword, type LoginDeps, login, logout, pruneSessions, refresh, register } from './login.ts'
import { type KeyFor, outside, type ProviderSettings } from './outside/index.ts'
import { loginToTenant } from './tenant-login.ts'
import { tokens } from './tokens.ts'

export type { AppAuthority, AppPrincipal } from './app-principal.ts'
export type { AuthPrincipal, Credentials } from './authenticate.ts'
export type { Client, ClientGrant } from './client-tokens.ts'
export type { Grant } from './login.ts'
export { erasedSubject, type KeyFor, keySet, type ProviderSettings } from './outside/index.ts'
export { presentGrant } from './present.ts'
export type { TenantGrant } from './tenant-login.ts'
export { accessLifetimeMs, sessionLifetimeMs } from './tokens.ts'

export interface AuthDeps {
  database: Database
  now(): number
  /** The server's master secret. */
  secret: string
  /** Fired when what somebody may do has changed; empties what is remembered here. */
  accessChanged: Signal
  users: Users
  /** Whose tokens are believed besides our own. */
  identity?: { settings: ProviderSettings; keyFor: KeyFor }
}

export type Auth = ReturnType<typeof auth>

export function auth(deps: AuthDeps) {
  const uses = keyUses(deps)
  const { identity } = deps
  const own = {
    ...deps,
    tokens: tokens(deps.secret),
    keyTokens: keyTokens(deps.secret),
    uses,
    ...(identity && { outside: outside({ ...deps, ...identity }) }),
  }
  const { authenticate, renew } = authenticator(own)
  const loginDeps: LoginDeps = own

  return {
    authenticate,
    /** For open connections: the same caller as he is now, or `unauthenticated`. */
    renew: (principal: AuthPrincipal): Promise<AuthPrincipal> =>
      principal.method === 'app-token' ? renewAppPrincipal(deps.database, principal as AppPrincipal) : renew(principal),
    principalForApp,
    login: bind(loginDeps, login),
    /** With a token that is bound to one workspace. */
    loginToTenant: bind({ ...loginDeps, secret: deps.secret }, loginToTenant),
    /** Tokens for an API key, and new ones for a refresh token of it. */
    grantToClient: bind(own, grantToClient),
    refreshClient: bind(own, refreshClient),
    register: bind(loginDeps, register),
    refresh: bind(loginDeps, refresh),
    logout: bind(loginDeps, logout),
    changePassword: bind(loginDeps, changePassword),
    pruneSessions: bind(loginDeps, pruneSessions),
    /** Writes the uses of keys counted since the last call: every few seconds, and before the process ends. */
    flushKeyUses: uses.flush,
  }
}
