/**
 * The chat WebSocket: /ws/chat/{session_id}, and GET /ws/stats. Decides nothing: frames become turns and commands,
 * events become frames.
 */
import type { FastifyRequest } from 'fastify'
import type { WebSocket } from 'ws'
import type { Principal } from '#contracts/index.ts'
import { AppError, toAppError } from '#errors/index.ts'
import { heartbeat } from '#wire/index.ts'
import { readCredentials, type Scoped } from '../gate/index.ts'
import { Connection } from './connection.ts'
import type { ChatSocketDeps } from './deps.ts'
import { Hub } from './hub.ts'

export type { ChatSocketDeps } from './deps.ts'

const pingEveryMs = 30_000
/** Frames of one connection: as many as a busy client may need, refilled every second. */
const framesPerSecond = 50
/** Frames that may wait for the one before them. */
const maxWaiting = 100

export function chatSocketDoor(door: Scoped, deps: ChatSocketDeps): { closeAll(): void } {
  const hub = new Hub()
  deps.turns.onStart((conversationId, turnId) => {
    for (const connection of hub.followers(conversationId)) void connection.watch(turnId)
  })

  const about = {
    schema: { tags: ['sockets'], summary: 'The chat WebSocket of a session' },
    config: { auth: 'public' },
  } as const
  door.get('/ws/chat/:session_id', { websocket: true, ...about }, (socket, request) => {
    // What comes before it is known who is there must not be lost: it waits.
    const waiting: string[] = []
    let deliver = (text: string): void => {
      waiting.push(text)
    }
    let allowance = framesPerSecond
    let refilledAt = deps.now()
    let connection: Connection | undefined
    socket.on('message', (data, isBinary) => {
      const now = deps.now()
      allowance = Math.min(framesPerSecond, allowance + ((now - refilledAt) / 1000) * framesPerSecond)
      refilledAt = now
      if (allowance < 1 || waiting.length >= maxWaiting) return connection?.overrun()
      allowance--
      if (isBinary)
        connection?.refuse(new AppError('unsupported', 'Frames must be JSON text', { details: { field: 'frame' } }))
      else deliver(data.toString())
    })
    // A protocol violation closes the socket with its own code; there is nothing to add.
    socket.on('error', () => undefined)
    heartbeat(socket, pingEveryMs)

    void arrival(request, deps).then(
      ({ principal, conversationId }) => {
        if (socket.readyState !== socket.OPEN) return
        const { session_id: sessionId } = request.params as { session_id: string }
        const joined = new Connection(deps, hub, socket, { sessionId, ip: request.ip }, principal)
        connection = joined
        hub.join(joined)
        if (conversationId !== undefined) hub.follow(joined, conversationId)
        socket.once('close', () => joined.left())
        joined.send({
          type: 'connected',
          session_id: sessionId,
          user_id: joined.userId,
          timestamp: new Date(deps.now()).toISOString(),
        })
        let turn = Promise.resolve()
        let queued = 0
        deliver = (text) => {
          if (queued >= maxWaiting) return joined.overrun()
          queued++
          turn = turn.then(() => joined.receive(text)).finally(() => queued--)
        }
        for (const text of waiting.splice(0)) deliver(text)
      },
      (thrown) => refuse(socket, thrown),
    )
  })

  door.get('/ws/stats', { schema: { tags: ['sockets'], summary: 'Who is connected' } }, async (request) => {
    if (!(await deps.users.isServerAdmin(request.principal.user.id)))
      throw new AppError('forbidden', 'Only administrators of this server may see this')
    return hub.stats()
  })

  return {
    closeAll() {
      for (const connection of hub.all()) connection.close(1001, 'Server is stopping')
    },
  }
}

/** Who comes, and the conversation that the session is, if it is one: turns that other doors start there are shown too. */
async function arrival(
  request: FastifyRequest,
  deps: ChatSocketDeps,
): Promise<{ principal?: Principal; conversationId?: string }> {
  const principal = await whoIs(request, deps)
  if (!principal) return {}
  const { session_id: sessionId } = request.params as { session_id: string }
  const conversationId = (await deps.conversations.find(principal, sessionId, null))?.publicId
  return { principal, ...(conversationId !== undefined && { conversationId }) }
}

/** Undefined: no credential at all, which the chat socket allows (CONTRACTS §1.7). Throws for a bad one. */
async function whoIs(request: FastifyRequest, deps: ChatSocketDeps): Promise<Principal | undefined> {
  const { token, api_key: apiKey } = request.query as { token?: string; api_key?: string }
  const given = token ?? apiKey
  if (given?.startsWith('pat_')) {
    const app = await deps.apps.findByToken(given)
    if (!app) throw new AppError('unauthenticated', 'Invalid token')
    return deps.auth.principalForApp(app)
  }
  const credentials = given === undefined ? readCredentials(request) : { bearer: given }
  if (credentials.cookie !== undefined) {
    // A page of another site can open a socket with our cookie: only our own pages may.
    const { origin, host } = request.headers
    if (origin === undefined || URL.parse(origin)?.host !== host) throw new AppError('unauthenticated', 'Invalid token')
    credentials.unsafeMethod = false
  }
  if (!credentials.bearer && !credentials.apiKey && !credentials.cookie) return undefined
  return deps.auth.authenticate(credentials)
}

function refuse(socket: WebSocket, thrown: unknown): void {
  const { code } = toAppError(thrown)
  if (code === 'internal') socket.close(1011, 'Internal error')
  // Nobody could look whether the token is good.
  else if (code === 'overloaded') socket.close(1013, 'Try again later')
  else socket.close(1008, 'Invalid token')
}
