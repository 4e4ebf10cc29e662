/**
 * The baseline: node:http and an undici pool that pass each request and answer through, with backpressure, and nothing
 * else. Written to be fast, because every ratio of the benchmark is over it (README.md has what was tried).
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type Dispatcher, Pool } from 'undici'

/** Bodies up to this size are sent in one write; longer ones stream through. */
const WHOLE_BODY_BYTES = 16_384

const pool = new Pool(process.env.UPSTREAM ?? 'http://127.0.0.1:9000', { headersTimeout: 0, bodyTimeout: 0 })

function forwardedHeaders(incoming: IncomingMessage): Record<string, string | string[] | undefined> {
  const { host, connection, 'keep-alive': keepAlive, 'transfer-encoding': coding, ...headers } = incoming.headers
  return headers
}

class Forwarding implements Dispatcher.DispatchHandler {
  #outgoing: ServerResponse
  #controller: Dispatcher.DispatchController | undefined
  #isOver = false

  constructor(outgoing: ServerResponse) {
    this.#outgoing = outgoing
    outgoing.on('close', () => {
      if (!this.#isOver) this.#controller?.abort(new Error('the client left'))
    })
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: Record<string, string | string[]>): void {
    this.#outgoing.writeHead(status, headers)
  }

  onResponseData(controller: Dispatcher.DispatchController, bytes: Buffer): void {
    if (this.#outgoing.write(bytes)) return
    controller.pause()
    this.#outgoing.once('drain', () => controller.resume())
  }

  onResponseEnd(): void {
    this.#isOver = true
    this.#outgoing.end()
  }

  onResponseError(): void {
    this.#isOver = true
    if (this.#outgoing.headersSent) this.#outgoing.destroy()
    else this.#outgoing.writeHead(502).end()
  }
}

function forward(incoming: IncomingMessage, outgoing: ServerResponse, body: Buffer | IncomingMessage | null): void {
  const method = incoming.method as Dispatcher.HttpMethod
  const options = { path: incoming.url!, method, headers: forwardedHeaders(incoming), body }
  pool.dispatch(options as Dispatcher.DispatchOptions, new Forwarding(outgoing))
}

const server = createServer((incoming, outgoing) => {
  if (!(Number(incoming.headers['content-length'] ?? 0) <= WHOLE_BODY_BYTES))
    return forward(incoming, outgoing, incoming)
  const parts: Buffer[] = []
  incoming.on('data', (bytes: Buffer) => parts.push(bytes))
  incoming.on('end', () => {
    const body = parts.length === 0 ? null : parts.length === 1 ? parts[0]! : Buffer.concat(parts)
    forward(incoming, outgoing, body)
  })
})
server.keepAliveTimeout = 60_000
server.listen(Number(process.env.PORT ?? 9001), process.env.HOST ?? '127.0.0.1', 4096)
process.on('SIGTERM', () => process.exit(0))
