import type { Principal, WorkspaceRole } from '#contracts/index.ts'
import { AppError } from '#errors/index.ts'

export function mayAdminister(role: WorkspaceRole): boolean {
  return role === 'owner' || role === 'admin'
}

/** Only an owner makes, changes or removes an owner; an administrator does so with everybody else. */
export function mayGovern(actor: WorkspaceRole, target: WorkspaceRole): boolean {
  return actor === 'owner' || (actor === 'admin' && target !== 'owner')
}

/** An app's access token is public: it opens that app and nothing else. */
export function refuseAppToken(principal: Principal): void {
  if (principal.app) throw new AppError('forbidden', "An app's access token opens that app only")
}

/** Who is in a workspace is changed by persons, and by keys that were given the scope `admin`. */
export function requireAdminScope(principal: Principal): void {
  refuseAppToken(principal)
  if (!principal.scopes.has('admin')) throw new AppError('forbidden', "This needs the scope 'admin'")
}
