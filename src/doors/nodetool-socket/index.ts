/**
 * NodeTool's chat WebSocket: /chat, MessagePack or JSON, bare messages and the {command, data} wrapper. Decides nothing:
 * frames become turns and commands, events become frames.
 */
import type { Principal } from '#contracts/index.ts'
import { AppError } from '#errors/index.ts'
import { type Sockets, socketOwner, socketPrincipal } from '../gate/sockets/index.ts'
import { Connection } from './connection.ts'
import type { NodeToolSocketDeps } from './deps.ts'
import { followers } from './followers.ts'
import { heartbeat } from './heartbeat.ts'

export type { NodeToolSocketDeps } from './deps.ts'

/** Clients of this protocol wait for a frame of their own, not for a ping of the socket's. */
const pingEveryMs = 25_000

export function nodeToolSocketDoor(sockets: Sockets, deps: NodeToolSocketDeps): void {
  const crowd = followers<Connection>()
  const beats = heartbeat(pingEveryMs)
  deps.turns.onStart((conversationId, turnId) => {
    for (const connection of crowd.of(conversationId)) void connection.watch(conversationId, turnId)
  })

  sockets.route<Principal>({
    path: '/chat',
    door: 'nodetool-socket',
    summary: 'NodeTool’s chat WebSocket',

    async admit(request) {
      const principal = await socketPrincipal(request, deps)
      if (!principal)
        throw new AppError('unauthenticated', 'Missing authentication', { details: { reason: 'missing' } })
      // An app's access token opens that app to the public; here its holder could ask any model.
      if (principal.app) throw new AppError('unauthenticated', 'Invalid authentication')
      return principal
    },

    owner: (principal, { ip }) => socketOwner(principal, ip),
    refusal,

    connect(socket, principal, { ip }) {
      return new Connection(deps, crowd, beats, socket, principal, ip)
    },
  })
}

function refusal(error: AppError): { code: number; reason: string } {
  if (error.code === 'internal') return { code: 1011, reason: 'Internal error' }
  if (error.code === 'overloaded') return { code: 1013, reason: 'Try again later' }
  const missing = error.details?.reason === 'missing'
  return { code: 1008, reason: missing ? 'Missing authentication' : 'Invalid authentication' }
}
