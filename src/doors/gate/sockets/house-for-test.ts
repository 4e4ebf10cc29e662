import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import Fastify from 'fastify'
import { afterEach } from 'vitest'
import WebSocket, { type ClientOptions } from 'ws'
import { metrics } from '#lib/metrics.ts'
import { signal } from '#lib/signal.ts'
import { useErrors } from '../errors.ts'
import type { Scoped } from '../route.ts'
import { type SocketsDeps, sockets } from './index.ts'
import type { Socket, SocketHandlers, SocketRequest, SocketRoute } from './types.ts'

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

/** What the door has of a socket. */
export interface Opened {
  socket: Socket
  request: SocketRequest
  said: (string | Buffer)[]
  /** The door has been told of its end. */
  over: Promise<void>
}

/** A server with one door, `/door/:name`, which the test keeps. */
export async function house(more: Partial<SocketsDeps> = {}, route: Partial<SocketRoute<unknown>> = {}) {
  let takes: (request: IncomingMessage) => boolean = () => false
  const fastify = Fastify({ http: { shouldUpgradeCallback: (request) => takes(request) } })
  useErrors(fastify, { status: ({ status }) => status, body: ({ message }) => ({ message }) })
  const accessChanged = signal()
  const arrived: ((opened: Opened) => void)[] = []
  const log = { errors: [] as object[], error: (fields: object) => void log.errors.push(fields) }
  const numbers = metrics()
  const all = sockets(fastify as unknown as Scoped, {
    now: Date.now,
    log,
    accessChanged,
    metrics: numbers,
    trustProxy: false,
    rates: { check: () => undefined },
    networkOf: (address) => address,
    maxFrameBytes: 64 * 1024,
    ...more,
  })
  takes = all.takes
  const handlers = {
    message: (() => undefined) as (this: void, frame: string | Buffer, opened: Opened) => Promise<void> | void,
    overruns: 0,
    still: undefined as (() => Promise<unknown>) | undefined,
  }
  all.route({
    path: '/door/:name',
    door: 'door',
    summary: 'A door',
    admit: () => undefined,
    connect(socket, _who, request): SocketHandlers {
      const over = Promise.withResolvers<void>()
      const opened: Opened = { socket, request, said: [], over: over.promise }
      arrived.shift()?.(opened)
      return {
        message(frame) {
          opened.said.push(frame)
          return handlers.message(frame, opened)
        },
        overrun: () => void handlers.overruns++,
        closed: () => over.resolve(),
        still: () => handlers.still?.(),
        presence: () => ({ session: request.params.name!, user: 'somebody' }),
      }
    },
    ...route,
  })
  fastify.post('/echo', async (request) => request.body)
  await fastify.listen({ host: '127.0.0.1', port: 0 })
  const { port } = fastify.server.address() as AddressInfo
  closers.push(async () => {
    all.closeAll(1001, 'over')
    await fastify.close()
  })
  const url = `ws://127.0.0.1:${port}`

  function dial(path: string, options: ClientOptions = {}) {
    const client = new WebSocket(url + path, options)
    const frames: { data: Buffer; isBinary: boolean }[] = []
    client.on('message', (data, isBinary) => frames.push({ data: data as Buffer, isBinary }))
    client.on('error', () => undefined)
    const closed = new Promise<{ code: number; reason: string }>((resolve) =>
      client.once('close', (code, reason) => resolve({ code, reason: String(reason) })),
    )
    return { client, frames, closed }
  }

  const arrival = () => new Promise<Opened>((resolve) => arrived.push(resolve))

  return {
    all,
    port,
    log,
    numbers,
    handlers,
    accessChanged,
    dial,
    arrival,
    /** Both ends of a new socket. */
    async open(path = '/door/a', options: ClientOptions = {}) {
      const here = arrival()
      const there = dial(path, options)
      const [opened] = await Promise.all([here, once(there.client, 'open')])
      return { ...there, ...opened }
    },
  }
}

/** What came, as soon as there are so many. */
export async function take(there: { client: WebSocket; frames: { data: Buffer }[] }, count: number): Promise<string[]> {
  while (there.frames.length < count) await once(there.client, 'message')
  return there.frames.map(({ data }) => data.toString())
}
