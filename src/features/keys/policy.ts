import type { Principal, WorkspaceRole } from '#contracts/index.ts'
import { AppError } from '#errors/index.ts'
import { mayAdminister, refuseAppToken } from '#features/workspaces/index.ts'
import type { KeyRow } from './store.ts'

/** A token lives for minutes: it must not get hold of what lives on, nor of the secret that it was given for. */
function refuseToken(principal: Principal): void {
  if (principal.key?.token)
    throw new AppError('forbidden', 'API keys are managed with a login or a key itself, not with a token given for one')
}

/**
 * Making keys needs the scope `admin` when a key does it: with less, a leaked key could outlive its own revocation in
 * the keys it made.
 */
export function requireKeyMaker(principal: Principal): void {
  refuseAppToken(principal)
  refuseToken(principal)
  if (!principal.scopes.has('admin')) throw new AppError('forbidden', "Managing API keys needs the scope 'admin'")
}

/** A key is seen by its owner and by the workspace's administrators. */
export function maySee(principal: Principal, role: WorkspaceRole, key: KeyRow): boolean {
  return key.user_id === principal.user.id || mayAdminister(role)
}

/** A key may always narrow, rotate or revoke itself; for others it needs the scope `admin`. */
export function requireManager(principal: Principal, key: KeyRow): void {
  refuseToken(principal)
  if (principal.key?.id !== key.id) requireKeyMaker(principal)
}

/** A new secret acts as the key's owner, so an administrator may revoke somebody's key but never take it over. */
export function requireOwner(principal: Principal, key: KeyRow): void {
  if (key.user_id !== principal.user.id) throw new AppError('forbidden', 'Only its owner can rotate a key')
}
