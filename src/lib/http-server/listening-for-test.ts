import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { afterEach } from 'vitest'
import { answerPlainRequests } from './index.ts'
import { PlainRequest } from './plain-request.ts'

export type Handler = (request: IncomingMessage, response: ServerResponse) => void

const servers: Server[] = []
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
})

export interface Listening {
  server: Server
  port: number
}

interface ListenOptions {
  /** `node`: without what is tested, to compare with. */
  kind?: 'ours' | 'node'
  roundMs?: number
  before?(server: Server): void
}

/** Listens until the test is over. */
export async function listen(
  handler: Handler,
  { kind = 'ours', roundMs = 10, before }: ListenOptions = {},
): Promise<Listening> {
  const server = createServer({ connectionsCheckingInterval: 20 }, handler)
  before?.(server)
  if (kind === 'ours') answerPlainRequests(server, { roundMs })
  servers.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { server, port: (server.address() as AddressInfo).port }
}

export interface Line {
  socket: Socket
  text: string
  isClosed: boolean
}

export async function open({ port }: Listening): Promise<Line> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  const line: Line = { socket, text: '', isClosed: false }
  socket.setEncoding('latin1')
  socket.on('data', (text: string) => {
    line.text += text
  })
  socket.on('error', () => undefined)
  socket.on('close', () => {
    line.isClosed = true
  })
  await once(socket, 'connect')
  return line
}

/** Sends the pieces, each in a packet of its own, and gives all that comes back until the server closes. */
export async function exchange(listening: Listening, pieces: readonly Buffer[]): Promise<string> {
  const line = await open(listening)
  for (const piece of pieces) {
    if (line.isClosed) break
    await new Promise((resolve) => line.socket.write(piece, resolve))
    await new Promise(setImmediate)
  }
  if (!line.isClosed) await once(line.socket, 'close')
  return line.text
}

/** Ends the connection, where `whose` and its like answer. */
export const last = 'GET /last HTTP/1.1\r\nHost: a\r\n\r\n'

export const plainRequest =
  'POST /b HTTP/1.1\r\nHost: parley.example\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n{"a":1}'

/** Says of each request which way it came. */
export const whose: Handler = (request, response) => {
  request.resume()
  request.on('end', () => {
    if (request.url === '/last') response.setHeader('connection', 'close')
    response.end(request instanceof PlainRequest ? 'plain;' : 'node;')
  })
}
