/**
 * Plain requests past Node's parser and streams (docs/decisions: an HTTP server for plain requests). Everything that is not plain
 * is Node's, from its first byte.
 */
import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { Connection, type House } from './connection.ts'
import { PlainRequest } from './plain-request.ts'

/** The body of a plain request at once, and of no other: those have to be listened to. */
export function takeBody(request: unknown): Buffer | undefined {
  return request instanceof PlainRequest ? request.takeBody() : undefined
}

/**
 * Makes `server` answer plain requests without Node's parser; its `request` listeners get them with the faces of an
 * IncomingMessage and a ServerResponse. To be called before the server listens. Every `roundMs` it is looked who is late.
 */
export function answerPlainRequests(server: Server, { roundMs = 5_000 } = {}): void {
  const [takeOver] = server.listeners('connection') as ((this: Server, socket: Socket) => void)[]
  if (!takeOver) throw new Error('the server has no listener for its connections')
  const connections = new Set<Connection>()
  const house: House = {
    server,
    round: 0,
    answer: (request, response) => void server.emit('request', request, response),
    takeOver: (socket) => takeOver.call(server, socket),
    gone: (connection) => void connections.delete(connection),
  }
  server.off('connection', takeOver)
  server.on('connection', (socket: Socket) => connections.add(new Connection(house, socket)))

  const rounds = setInterval(() => {
    house.round += 1
    for (const connection of connections) connection.look(roundMs)
  }, roundMs)
  rounds.unref()
  server.on('close', () => clearInterval(rounds))

  // `server.close()` calls it, too.
  const closeIdle = server.closeIdleConnections.bind(server)
  server.closeIdleConnections = () => {
    closeIdle()
    for (const connection of connections) connection.closeIfIdle()
  }
  const closeAll = server.closeAllConnections.bind(server)
  server.closeAllConnections = () => {
    closeAll()
    for (const connection of connections) connection.close()
  }
}
