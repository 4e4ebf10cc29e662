import { type Principal, requireScope } from '#contracts/index.ts'
import { AppError } from '#errors/index.ts'
import { type SocketRequest, socketPrincipal } from '../gate/sockets/index.ts'
import type { RealtimeDeps } from './deps.ts'

/** Who opened a socket that is only for people with an account. Throws `unauthenticated` or `forbidden`. */
export async function memberOf(request: SocketRequest, deps: Pick<RealtimeDeps, 'auth' | 'apps'>): Promise<Principal> {
  const principal = await socketPrincipal(request, deps)
  if (!principal) throw new AppError('unauthenticated', 'Authentication required')
  if (principal.app) throw new AppError('forbidden', "An app's access token opens that app only")
  requireScope(principal, 'read')
  return principal
}

/** How a socket is told that it is not, or no longer, for who opened it. */
export function refusal(error: AppError): { code: number; reason: string } {
  switch (error.code) {
    case 'unauthenticated':
      return { code: 1008, reason: 'Invalid token' }
    case 'forbidden':
    case 'not-found':
    case 'invalid-request':
      return { code: 1008, reason: error.message }
    case 'consumer-too-slow':
      return { code: 1008, reason: 'consumer-too-slow' }
    case 'overloaded':
      return { code: 1013, reason: 'Try again later' }
    default:
      return { code: 1011, reason: 'Internal error' }
  }
}
