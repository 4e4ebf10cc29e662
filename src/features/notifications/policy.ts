import { isBound, type Principal, requireScope } from '#contracts/index.ts'
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
  requireScope(principal, 'write')
  return readerOf(principal)
}
