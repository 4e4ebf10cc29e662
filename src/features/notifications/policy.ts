import { isBound, type Principal } from '#contracts/index.ts'
import { AppError } from '#errors/index.ts'
import { refuseAppToken } from '#features/workspaces/index.ts'

/** Whose notifications may be read: a user's own, and with a key or a token that is bound to a workspace only those of that one. */
export interface Reader {
  userId: number
  workspaceId?: number
}

export function readerOf(principal: Principal): Reader {
  refuseAppToken(principal)
  return { userId: principal.user.id, ...(isBound(principal) && { workspaceId: principal.workspace.id }) }
}

/** For doors whose frames pass no gate: marking writes. */
export function writerOf(principal: Principal): Reader {
  if (!principal.scopes.has('write'))
    throw new AppError('forbidden', "This credential lacks the scope 'write'", { details: { scope: 'write' } })
  return readerOf(principal)
}
