import { type Principal, requireScope, type Scope } from '#contracts/index.ts'
import { toAppError } from '#errors/index.ts'
import type { Socket } from '../gate/sockets/index.ts'
import type { NodeToolSocketDeps } from './deps.ts'

/** Who is behind a socket, for as long as it is open. */
export interface Access {
  /** As it was when somebody last looked. */
  readonly principal: Principal
  /**
   * As it is now: a logout, a revoked key or a lost role counts on open sockets too. Throws `forbidden` when the credential
   * lacks the scope, and `unauthenticated` when it is no longer one, which closes the socket.
   */
  now(scope: Scope): Promise<Principal>
  /** Throws as `now` does, and leaves the socket as it is. */
  renew(): Promise<void>
}

export function access(auth: NodeToolSocketDeps['auth'], socket: Socket, admitted: Principal): Access {
  let principal = admitted

  async function renew(): Promise<void> {
    principal = await auth.renew(principal)
  }

  return {
    get principal() {
      return principal
    },
    async now(scope) {
      try {
        await renew()
      } catch (thrown) {
        if (toAppError(thrown).code === 'unauthenticated') socket.close(1008, 'Invalid authentication')
        throw thrown
      }
      requireScope(principal, scope)
      return principal
    },
    renew,
  }
}
