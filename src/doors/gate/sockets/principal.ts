import type { Principal } from '#contracts/index.ts'
import { AppError } from '#errors/index.ts'
import type { CredentialsOf } from '../credentials.ts'
import type { SocketRequest } from './types.ts'

export interface PrincipalDeps<App> {
  auth: {
    authenticate(credentials: CredentialsOf): Principal | Promise<Principal>
    principalForApp(app: App): Principal
  }
  apps: { findByToken(token: string): App | undefined | Promise<App | undefined> }
}

/** Who opened a socket. Undefined: no credential at all, which a door may allow. Throws `unauthenticated` for a bad one. */
export async function socketPrincipal<App>(
  request: SocketRequest,
  deps: PrincipalDeps<App>,
): Promise<Principal | undefined> {
  const { credentials, appToken, foreignCookie } = request
  if (foreignCookie) throw new AppError('unauthenticated', 'Invalid token')
  if (appToken !== undefined) {
    const app = await deps.apps.findByToken(appToken)
    if (!app) throw new AppError('unauthenticated', 'Invalid token')
    return deps.auth.principalForApp(app)
  }
  if (!credentials.bearer && !credentials.apiKey && !credentials.cookie) return undefined
  return deps.auth.authenticate(credentials)
}

/** Whose sockets count together: a key's, else a user's; visitors of a public app are told apart by their address. */
export function socketOwner(principal: Principal, ip: string): string {
  if (principal.app) return `app ${principal.app.id} ${ip}`
  return principal.key ? `key ${principal.key.id}` : `user ${principal.user.id}`
}
