import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Webhook } from 'standardwebhooks'
import { until } from './until.ts'

/** A request that a receiver got. */
export interface Received {
  path: string
  headers: IncomingMessage['headers']
  /** As it came. */
  raw: string
  // biome-ignore lint/suspicious/noExplicitAny: any JSON
  body: any
}

/** `stall`: takes the request and says nothing. `reset`: breaks the connection. */
export type Reply = { status?: number; headers?: Record<string, string>; body?: string | Buffer } | 'stall' | 'reset'

/** Decides what is answered; `nth` counts the requests with this body from 1. */
export type Answering = (received: Received, nth: number) => Reply

/** Somebody who receives webhooks: a real HTTP server on this machine. */
export async function startReceiver(answering: Answering = () => ({}), host = '127.0.0.1') {
  const received: Received[] = []
  const seen = new Map<string, number>()
  const open = new Set<ServerResponse>()
  const it = { answering }

  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const raw = Buffer.concat(chunks).toString()
    const one: Received = { path: request.url!, headers: request.headers, raw, body: raw === '' ? '' : JSON.parse(raw) }
    const nth = (seen.get(raw) ?? 0) + 1
    seen.set(raw, nth)
    received.push(one)
    const reply = it.answering(one, nth)
    if (reply === 'reset') return request.socket.resetAndDestroy()
    open.add(response)
    response.once('close', () => open.delete(response))
    if (reply === 'stall') return
    response.writeHead(reply.status ?? 200, reply.headers)
    response.end(reply.body)
  })
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  const { port } = server.address() as AddressInfo

  return {
    port,
    url: `http://${host}:${port}`,
    received,
    /** Replace to answer otherwise from now on. */
    get answering() {
      return it.answering
    },
    set answering(next: Answering) {
      it.answering = next
    },
    /** What came to a path. */
    at: (path: string) => received.filter((one) => one.path === path),
    /** The bodies of a type that came to a path, when there are so many. */
    async events(path: string, type: string, count = 1) {
      const found = () => received.filter((one) => one.path === path && one.body.type === type)
      return (await until(() => found().length >= count && found())) as Received[]
    },
    /** Requests that nobody has been answered yet. */
    get stalled() {
      return open.size
    },
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

export type Receiver = Awaited<ReturnType<typeof startReceiver>>

/** Whether a secret signed what came, as the official library counts, whatever the clock said. */
export function isSignedBy(secret: string, { headers, raw }: Received): boolean {
  const at = new Date(Number(headers['webhook-timestamp']) * 1000)
  const expected = new Webhook(secret).sign(headers['webhook-id'] as string, at, raw)
  return (headers['webhook-signature'] as string).split(' ').includes(expected)
}

/** As the official library verifies it, with the time of the attempt. Throws when it is not right. */
export function verify(secret: string, { headers, raw }: Received): unknown {
  return new Webhook(secret).verify(raw, headers as Record<string, string>)
}
