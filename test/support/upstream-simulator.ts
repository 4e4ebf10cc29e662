/**
 * An upstream that tests hold in their hand: a real HTTP server on 127.0.0.1 that speaks the wire of OpenAI chat
 * completions (`/v1/chat/completions`), Anthropic messages (`/v1/messages`) and Gemini (`/v1beta/models/...`), each
 * streamed and whole, with their model lists, and does to its client whatever upstreams do to theirs.
 *
 *     const sim = await startUpstream()
 *     sim.script({ text: ['Hel', 'lo'] }, { strike: { kind: 'stall' }, after: 2 })   // the next two requests
 *     const reply = sim.hold()                                                      // the one behind them
 *     await reply.request; reply.send('text'); reply.finish()
 *     await sim.close()
 *
 * Unscripted requests are answered `You said: <last user message>`, word by word. Tokens are counted as words.
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Endpoint } from '#providers/spec.ts'
import { Delivery, type Reply, type Strike } from './upstream-simulator/delivery.ts'
import { readRequest, type UpstreamRequest } from './upstream-simulator/requests.ts'
import { closedPort, startBlackhole } from './upstream-simulator/unreachable.ts'
import type { Move, ToolCallMove, Vendor } from './upstream-simulator/wires.ts'

export { countTokens, type Reply, type Strike } from './upstream-simulator/delivery.ts'
export { type Fault, type FaultName, faults, retryAfterSeconds } from './upstream-simulator/faults.ts'
export type { UpstreamRequest } from './upstream-simulator/requests.ts'
export type { Finish, ToolCallMove, Vendor, WireTokens } from './upstream-simulator/wires.ts'

/** An answer that goes on only when the test says so. Everything may be called before the request has come. */
export interface HeldReply {
  /** Resolves when the request is there. */
  request: Promise<UpstreamRequest>
  /** Resolves when the client closed the connection before `finish`. */
  aborted: Promise<void>
  /** Text deltas, one frame each. The first also sends the head. */
  send(...texts: string[]): void
  reason(...texts: string[]): void
  refuse(text: string): void
  callTool(call: ToolCallMove): void
  /** Bytes as they are: half a frame, a comment, rubbish. */
  write(bytes: string | Buffer): void
  finish(ending?: Pick<Reply, 'finish' | 'usage'>): void
  /** Breaks the answer here. */
  strike(strike: Strike): void
}

/** What a moderation endpoint does: opinions in the vendor's form, any other answer, or nothing at all. */
export type ModerationReply = { results: object[] } | { status: number; body: string } | 'stall'

export interface Upstream {
  /** `http://127.0.0.1:<port>`. */
  readonly origin: string
  /** Base URL of the OpenAI protocol: what goes into OPENAI_BASE_URL. */
  readonly url: string
  /** What a provider of that kind is called with. `origin`: as a fault's `arm` gave it. */
  endpoint(vendor: Vendor, origin?: string): Endpoint
  /** Answers for the next requests, in order. */
  script(...replies: Reply[]): void
  /** Answer to every request that nothing is scripted for. */
  respond(reply: Reply | ((request: UpstreamRequest) => Reply)): void
  /** What its moderation endpoint answers from now on; at first it flags nothing. */
  moderate(answer: (texts: readonly string[]) => ModerationReply): void
  /** The texts of every question to its moderation endpoint so far. */
  readonly moderated: readonly (readonly string[])[]
  /** Takes the next request that nothing is scripted for yet. */
  hold(): HeldReply
  /** Every model request so far, in order of arrival; model lists are not among them. */
  readonly requests: readonly UpstreamRequest[]
  /** The next request, counted from the last one this gave: waits when it has not come yet. */
  nextRequest(): Promise<UpstreamRequest>
  /** Names that the model lists give. Change it as you like. */
  models: string[]
  /** TCP connections that are open now; a kept-alive one counts. */
  readonly openConnections: number
  /** Requests that have come and whose answer is neither complete nor given up. */
  readonly openRequests: number
  /** Resolves when no request is open. */
  idle(): Promise<void>
  /** An origin where nothing listens. */
  closedOrigin(): Promise<string>
  /** An origin where connecting hangs. */
  blackhole(): Promise<string>
  /** Ends everything, also what is held. */
  close(): Promise<void>
}

type Scripted = Reply | Hold

export async function startUpstream(): Promise<Upstream> {
  const queue: Scripted[] = []
  const requests: UpstreamRequest[] = []
  const waiting: ((request: UpstreamRequest) => void)[] = []
  const idling: (() => void)[] = []
  const sockets = new Set<Socket>()
  const cleanUps: (() => Promise<unknown>)[] = []
  let taken = 0
  let open = 0
  const moderated: string[][] = []
  let moderation: (texts: readonly string[]) => ModerationReply = (texts) => ({
    results: texts.map(() => ({ flagged: false, categories: {}, category_scores: {} })),
  })
  let fallback: Reply | ((request: UpstreamRequest) => Reply) = {}

  async function answer(message: IncomingMessage, response: ServerResponse): Promise<void> {
    open++
    response.on('close', () => {
      open--
      if (open === 0) for (const resolve of idling.splice(0)) resolve()
    })
    const request = await readRequest(message, response)
    if (request.method === 'GET') {
      sendModels(request, response, upstream.models)
      return
    }
    if (request.path.endsWith('/moderations')) {
      const texts = request.body.input as string[]
      moderated.push(texts)
      sendModeration(response, moderation(texts))
      return
    }
    if (!/\/chat\/completions$|\/messages$|:(stream)?generateContent/i.test(request.path.split('?')[0]!)) {
      response.writeHead(404, { 'content-type': 'application/json' }).end('{"error":{"message":"No such route"}}')
      return
    }
    const scripted = queue.shift()
    requests.push(request)
    waiting.shift()?.(request)
    if (scripted instanceof Hold) {
      scripted.attach(request, new Delivery(request, response, requests.length))
      return
    }
    const reply = scripted ?? (typeof fallback === 'function' ? fallback(request) : fallback)
    await new Delivery(request, response, requests.length, reply).play(reply)
  }

  const server = createServer({ keepAliveTimeout: 60_000 }, (message, response) => {
    answer(message, response).catch((error: unknown) => {
      // The client left while its request was read.
      if (message.destroyed && !message.complete) return
      response.destroy(error as Error)
    })
  })
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

  const upstream: Upstream = {
    origin,
    url: `${origin}/v1`,
    endpoint(vendor, at = origin) {
      return { url: `${at}${vendor === 'google' ? '/v1beta' : '/v1'}`, secret: 'sk-sim-secret' }
    },
    script(...replies) {
      queue.push(...replies)
    },
    respond(reply) {
      fallback = reply
    },
    moderate(answer) {
      moderation = answer
    },
    moderated,
    hold() {
      const held = new Hold()
      queue.push(held)
      return held
    },
    requests,
    nextRequest() {
      const index = taken++
      const there = requests[index]
      if (there) return Promise.resolve(there)
      return new Promise((resolve) => waiting.push(resolve))
    },
    models: ['sim-large', 'sim-small'],
    get openConnections() {
      return sockets.size
    },
    get openRequests() {
      return open
    },
    idle() {
      return open === 0 ? Promise.resolve() : new Promise((resolve) => idling.push(resolve))
    },
    closedOrigin: closedPort,
    async blackhole() {
      const hole = await startBlackhole()
      cleanUps.push(hole.close)
      return hole.origin
    },
    async close() {
      server.close()
      for (const socket of sockets) socket.destroy()
      await Promise.all(cleanUps.map((cleanUp) => cleanUp()))
      if (server.listening) await once(server, 'close')
    },
  }
  return upstream
}

/** Keeps what the test does until the request is there. */
class Hold implements HeldReply {
  readonly request: Promise<UpstreamRequest>
  readonly aborted: Promise<void>
  #resolve: (request: UpstreamRequest) => void = () => {}
  #delivery: Delivery | undefined
  #early: ((delivery: Delivery) => void)[] = []

  constructor() {
    this.request = new Promise((resolve) => {
      this.#resolve = resolve
    })
    this.aborted = this.request.then((request) => request.aborted)
  }

  attach(request: UpstreamRequest, delivery: Delivery): void {
    this.#delivery = delivery
    for (const action of this.#early.splice(0)) action(delivery)
    this.#resolve(request)
  }

  send(...texts: string[]): void {
    this.#move(...texts.map((text) => ({ text })))
  }

  reason(...texts: string[]): void {
    this.#move(...texts.map((reasoning) => ({ reasoning })))
  }

  refuse(refusal: string): void {
    this.#move({ refusal })
  }

  callTool(toolCall: ToolCallMove): void {
    this.#move({ toolCall })
  }

  write(bytes: string | Buffer): void {
    this.#do((delivery) => delivery.write(bytes))
  }

  finish(ending?: Pick<Reply, 'finish' | 'usage'>): void {
    this.#do((delivery) => delivery.finish(ending))
  }

  strike(strike: Strike): void {
    this.#do((delivery) => void delivery.strike(strike))
  }

  #move(...moves: Move[]): void {
    this.#do((delivery) => {
      for (const move of moves) delivery.move(move)
    })
  }

  #do(action: (delivery: Delivery) => void): void {
    if (this.#delivery) action(this.#delivery)
    else this.#early.push(action)
  }
}

function sendModeration(response: ServerResponse, reply: ModerationReply): void {
  if (reply === 'stall') return
  const { status, body } = 'results' in reply ? { status: 200, body: JSON.stringify(reply) } : reply
  response.writeHead(status, { 'content-type': body.startsWith('<') ? 'text/html' : 'application/json' }).end(body)
}

function sendModels(request: UpstreamRequest, response: ServerResponse, models: readonly string[]): void {
  const lists: Record<Vendor, object> = {
    'openai-compatible': {
      object: 'list',
      data: models.map((id) => ({ id, object: 'model', created: 1_760_000_000, owned_by: 'sim' })),
    },
    anthropic: {
      data: models.map((id) => ({ id, type: 'model', display_name: id, created_at: '2026-01-01T00:00:00Z' })),
      has_more: false,
      first_id: models[0] ?? null,
      last_id: models.at(-1) ?? null,
    },
    google: {
      models: models.map((id) => ({ name: `models/${id}`, supportedGenerationMethods: ['generateContent'] })),
    },
  }
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(lists[request.vendor]))
}
