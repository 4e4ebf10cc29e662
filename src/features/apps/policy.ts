import type { Principal } from '#contracts/index.ts'
import { AppError } from '#errors/index.ts'
import { mayAdminister, refuseAppToken } from '#features/workspaces/index.ts'
import type { App } from './app.ts'

/** Every member of its workspace uses an app; an app's own token that app only. */
export function mayUse(principal: Principal, app: App): boolean {
  return app.workspace.id === principal.workspace.id && (principal.app === undefined || principal.app.id === app.id)
}

/** Administrators change apps, with a credential that may write. Who may change an app also sees its access token. */
export function mayChange(principal: Principal): boolean {
  const writes = principal.scopes.has('write') || principal.scopes.has('admin')
  return principal.app === undefined && mayAdminister(principal.role) && writes
}

export function requireChange(principal: Principal): void {
  refuseAppToken(principal)
  if (!mayChange(principal)) throw new AppError('forbidden', 'Only administrators of the workspace can change its apps')
}
