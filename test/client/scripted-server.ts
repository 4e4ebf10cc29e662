import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { type WebSocket, WebSocketServer } from 'ws'

export type Frame = { type: string; request_id?: string } & Record<string, unknown>

/** One connection to a server that does what the test says, for what the real one does only in bad times. */
export interface ScriptedConnection {
  /** What it was opened with. */
  token: string | null
  frames: Frame[]
  send(frame: object): void
  close(code: number, reason?: string): void
  /** The first frame, come or to come, that `accept` takes. */
  until(accept: (frame: Frame) => boolean): Promise<Frame>
}

export async function startScriptedServer() {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  await once(server, 'listening')
  const connections: ScriptedConnection[] = []
  const waiting: (() => void)[] = []
  server.on('connection', (socket: WebSocket, request) => {
    const frames: Frame[] = []
    const checks = new Set<() => void>()
    socket.on('message', (data) => {
      frames.push(JSON.parse(data.toString()) as Frame)
      for (const check of checks) check()
    })
    connections.push({
      token: new URL(request.url!, 'http://x').searchParams.get('token'),
      frames,
      send: (frame) => socket.send(JSON.stringify(frame)),
      close: (code, reason) => socket.close(code, reason),
      until: (accept) =>
        new Promise((resolve) => {
          const check = () => {
            const found = frames.find(accept)
            if (!found) return
            checks.delete(check)
            resolve(found)
          }
          checks.add(check)
          check()
        }),
    })
    for (const resolve of waiting.splice(0)) resolve()
  })

  /** The connection number `index`, counted from 0, when it is there. */
  async function connection(index: number): Promise<ScriptedConnection> {
    while (connections.length <= index) await new Promise<void>((resolve) => waiting.push(resolve))
    return connections[index]!
  }

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    connections,
    connection,
    /** As `connection`, after it has been told that it is welcome. */
    async welcome(index: number): Promise<ScriptedConnection> {
      const made = await connection(index)
      made.send({ type: 'connected', session_id: 's', user_id: 'u', timestamp: new Date(0).toISOString() })
      return made
    },
    async close(): Promise<void> {
      for (const client of server.clients) client.terminate()
      server.close()
      await once(server, 'close')
    },
  }
}
