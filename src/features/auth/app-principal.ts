import type { Ref, Scope } from '#contracts/index.ts'
import { AppError } from '#errors/index.ts'
import { sha256 } from '#lib/hash.ts'
import type { Database } from '#store/index.ts'
import type { AuthPrincipal } from './authenticate.ts'
import { findAppAuthority } from './store.ts'

/** What must be known of an app to act through its access token; features/apps' App is one. */
export interface AppAuthority {
  id: number
  publicId: string
  workspace: Ref
  enabled: boolean
  accessToken: string
  createdBy: Ref & { disabled: boolean }
}

export interface AppPrincipal extends AuthPrincipal {
  app: Ref
  /** Which access token was used: a rotated one must not keep a socket open. */
  tokenHash: string
}

const scopes: ReadonlySet<Scope> = new Set<Scope>(['read', 'write'])
// Apps are cached objects, so the principal lives as long as what it was made of.
const made = new WeakMap<AppAuthority, AppPrincipal>()

/** Whoever holds an app's access token acts as a mere member, for its creator, on this app only. */
export function principalForApp(app: AppAuthority): AppPrincipal {
  requireUsable(app.enabled, app.createdBy.disabled)
  let principal = made.get(app)
  if (!principal) {
    principal = {
      method: 'app-token',
      user: { id: app.createdBy.id, publicId: app.createdBy.publicId },
      workspace: app.workspace,
      role: 'member',
      scopes,
      app: { id: app.id, publicId: app.publicId },
      tokenHash: sha256(app.accessToken),
    }
    made.set(app, principal)
  }
  return principal
}

/** Throws `unauthenticated` when the app, its token or its creator is not what it was. */
export async function renewAppPrincipal(database: Database, principal: AppPrincipal): Promise<AppPrincipal> {
  const row = await findAppAuthority(database, principal.app.id)
  if (!row || sha256(row.access_token) !== principal.tokenHash)
    throw new AppError('unauthenticated', 'Invalid access token')
  requireUsable(row.enabled === 1, row.disabled === 1)
  return principal
}

function requireUsable(enabled: boolean, creatorDisabled: boolean): void {
  if (creatorDisabled) throw new AppError('unauthenticated', 'Invalid access token')
  if (!enabled) throw new AppError('forbidden', 'This application is disabled')
}
