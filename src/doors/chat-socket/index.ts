/** The chat WebSocket: /ws/chat/{session_id}. Decides nothing: frames become turns and commands, events become frames. */
import type { Principal } from '#contracts/index.ts'
import { type Sockets, socketOwner, socketPrincipal } from '../gate/sockets/index.ts'
import { Connection } from './connection.ts'
import type { ChatSocketDeps } from './deps.ts'
import { Hub } from './hub.ts'

export type { ChatSocketDeps } from './deps.ts'

/** Who comes, and the conversation that the session is, if it is one: turns that other doors start there are shown too. */
interface Arrival {
  principal?: Principal
  conversationId?: string
}

export function chatSocketDoor(sockets: Sockets, deps: ChatSocketDeps): void {
  const hub = new Hub()
  deps.metrics.gauge('parley_chat_socket_registry', 'What the chat socket remembers of who is there.', ['of'], () =>
    Object.entries(hub.sizes()).map(([name, size]) => [size, name]),
  )
  deps.turns.onStart((conversationId, turnId) => {
    for (const connection of hub.followers(conversationId)) void connection.watch(turnId)
  })

  sockets.route<Arrival>({
    path: '/ws/chat/:session_id',
    door: 'chat-socket',
    summary: 'The chat WebSocket of a session',

    // No credential at all is allowed: an app's access token in a chat frame may still say who (CONTRACTS §1.7).
    async admit(request) {
      const principal = await socketPrincipal(request, deps)
      if (!principal) return {}
      const found = await deps.conversations.find(principal, request.params.session_id!, null)
      return { principal, ...(found && { conversationId: found.publicId }) }
    },

    owner: ({ principal }, { ip }) => principal && socketOwner(principal, ip),

    connect(socket, { principal, conversationId }, request) {
      const from = { sessionId: request.params.session_id!, ip: request.ip }
      const connection = new Connection(deps, hub, socket, from, principal)
      hub.join(connection)
      if (conversationId !== undefined) hub.follow(connection, conversationId)
      connection.greet()
      return connection
    },
  })
}
