import type { IncomingMessage } from 'node:http'
import type { Socket as NetSocket } from 'node:net'
import { type RawData, type ServerOptions, type WebSocket, WebSocketServer } from 'ws'
import { type AppError, toAppError } from '#errors/index.ts'
import type { Metrics } from '#lib/metrics.ts'
import { wheel } from '#wire/index.ts'
import { closeUpgrade } from '../errors.ts'
import type { GateDeps } from '../gate.ts'
import type { Scoped } from '../route.ts'
import { crowd } from './crowd.ts'
import { handshakeFault, keepableOffer, webSocketOnly, webSocketVersion } from './handshake.ts'
import { matcher } from './match.ts'
import { closedBy, socketMetrics } from './metrics.ts'
import { Peer } from './peer.ts'
import { requestReader, type TrustProxy } from './request.ts'
import type { DoorEntry, DoorFigures, Room } from './room.ts'
import { statsOf } from './stats.ts'
import type { SocketRequest, Sockets } from './types.ts'

export interface SocketsDeps {
  now(): number
  log: Room['log']
  /** Fired when what somebody may do has changed: open sockets are asked again. */
  accessChanged: { on(listener: () => void): void }
  metrics: Metrics
  trustProxy: TrustProxy
  /** The rates of requests: each upgrade is one of its address. */
  rates: GateDeps['limits']
  /** What an address counts for: a household has all of an IPv6 network. */
  networkOf(address: string): string
  maxFrameBytes: number
  /** Absent: neither rates nor counts. */
  limits?: { perAddress: number; perUser: number }
  pingEveryMs?: number
}

/** Sockets as the wiring holds them. */
export interface Server extends Sockets {
  /**
   * Whether this request becomes a socket, for Node's `shouldUpgradeCallback`; one that does counts against the rate of its
   * address. Everything else goes on as an ordinary request, and is refused as one where it is to be refused.
   */
  takes(request: IncomingMessage): boolean
}

const maxParamLength = 512
const pingEveryMs = 30_000
/** How long a peer may take to answer a close. */
const closeTimeoutMs = 5_000
/** Sockets whose access is looked at before others have their turn. */
const askedInARow = 50
const peerOf = Symbol('peer')
type Owned = WebSocket & { [peerOf]: Peer }

/**
 * All WebSockets of a server. `scope` gets a route for each path, so that the route table knows it; requests that `takes`
 * accepts come as upgrades of its HTTP server and never see Fastify.
 */
export function sockets(scope: Scoped, deps: SocketsDeps): Server {
  const routes = matcher<DoorEntry>(maxParamLength)
  const doors = new Map<string, DoorFigures>()
  const requests = requestReader(deps.trustProxy)
  const { now, log, maxFrameBytes } = deps
  const room: Room = { limited: deps.limits !== undefined, maxFrameBytes, now, log }
  const addresses = crowd(deps.limits?.perAddress ?? Number.POSITIVE_INFINITY)
  const owners = crowd(deps.limits?.perUser ?? Number.POSITIVE_INFINITY)
  const open = wheel<Peer>(deps.pingEveryMs ?? pingEveryMs)
  let stopping = false
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: maxFrameBytes,
    ...beyondTypes(maxFrameBytes),
    // The library would agree to the first one offered, whatever it is.
    handleProtocols: () => false,
    // Costs only those who offer it, and them only while a frame is being packed.
    perMessageDeflate: { threshold: 1024, serverNoContextTakeover: true, clientNoContextTakeover: true },
  })

  const closes = socketMetrics(deps.metrics, { doors, addresses, owners })

  const find = (raw: IncomingMessage) => routes.find(raw.url!.split('?', 1)[0]!)

  scope.server.on('upgrade', (raw, stream, head) => {
    const found = find(raw)
    if (!found) return void stream.destroy()
    const request = requests.read(raw, found.params)
    const extensions = raw.headers['sec-websocket-extensions']
    if (extensions !== undefined) raw.headers['sec-websocket-extensions'] = keepableOffer(extensions)
    server.handleUpgrade(raw, stream, head, (socket) => arrive(found.value, socket, stream as NetSocket, request))
  })

  function arrive(entry: DoorEntry, socket: WebSocket, stream: NetSocket, request: SocketRequest): void {
    const address = addresses.enter(deps.networkOf(request.ip))
    const peer = new Peer(room, entry, socket, stream, address)
    ;(socket as Owned)[peerOf] = peer
    socket.on('message', onMessage)
    socket.on('ping', onPing)
    socket.on('pong', onPong)
    socket.on('error', onError)
    socket.on('close', onClose)
    open.add(peer)
    entry.figures.open++
    if (address) void admit(peer, request)
    else peer.end(1013, 'too many connections from this address', 'address-limit')
  }

  async function admit(peer: Peer, request: SocketRequest): Promise<void> {
    const before = changes
    try {
      enter(peer, await peer.entry.route.admit(request), request)
      // Access may have changed between the look at it and now, when nobody could be asked yet.
      if (changes !== before) await peer.handlers?.still?.()
    } catch (thrown) {
      refuse(peer, thrown)
    }
  }

  function enter(peer: Peer, who: unknown, request: SocketRequest): void {
    if (!peer.isOpen) return
    const { route } = peer.entry
    const owner = route.owner?.(who, request)
    if (owner !== undefined) {
      peer.owner = owners.enter(owner)
      if (!peer.owner) peer.end(1013, 'too many connections of this user', 'user-limit')
      if (!peer.isOpen) return
    }
    peer.open(route.connect(peer, who, request))
  }

  function refuse(peer: Peer, thrown: unknown, name = 'refused'): void {
    const error = toAppError(thrown)
    if (error.code === 'internal')
      deps.log.error({ err: error.cause ?? error, door: peer.entry.door }, 'a socket could not be admitted')
    const { code, reason } = peer.entry.route.refusal?.(error) ?? refusalOf(error)
    peer.end(code, reason, name)
  }

  function onMessage(this: WebSocket, data: RawData, isBinary: boolean): void {
    ;(this as Owned)[peerOf].receive(data as Buffer, isBinary)
  }

  function onPing(this: WebSocket): void {
    ;(this as Owned)[peerOf].ping()
  }

  function onPong(this: WebSocket): void {
    ;(this as Owned)[peerOf].pong()
  }

  function onClose(this: WebSocket, code: number): void {
    const peer = (this as Owned)[peerOf]
    open.remove(peer)
    peer.entry.figures.open--
    closes.cell(peer.entry.door, peer.closing ?? closedBy(code)).value++
    if (peer.address) addresses.leave(peer.address)
    if (peer.owner) owners.leave(peer.owner)
    peer.gone()
  }

  let changes = 0
  let asking = false
  deps.accessChanged.on(() => {
    changes++
    if (!asking) void askAll()
  })

  /** Who has lost his access is closed. One after the other, so that a change of one key is no storm of queries. */
  async function askAll(): Promise<void> {
    asking = true
    for (let asked = -1; asked !== changes; ) {
      asked = changes
      let inARow = 0
      for (const peer of open) {
        if (!peer.handlers?.still) continue
        try {
          await peer.handlers.still()
        } catch (thrown) {
          if (lost.has(toAppError(thrown).code)) refuse(peer, thrown, 'access-lost')
        }
        // The embedded database answers at once: without a pause nothing else would run until all have been asked.
        if (++inARow % askedInARow === 0) await new Promise((resolve) => setImmediate(resolve))
      }
    }
    asking = false
  }

  return {
    takes: (request) =>
      !stopping &&
      find(request) !== undefined &&
      handshakeFault(request) === undefined &&
      deps.rates.check({ ip: requests.addressOf(request) })?.allowed !== false,

    route(route) {
      const { door } = route
      const figures = doors.get(door) ?? { open: 0, framesIn: 0, framesOut: 0, framesDropped: 0 }
      doors.set(door, figures)
      routes.add(route.path, { door, route, figures })
      scope.get(
        route.path,
        { schema: { tags: ['sockets'], summary: route.summary }, config: { auth: 'public', socket: true } },
        (request, reply) => {
          closeUpgrade(request, reply)
          const fault = handshakeFault(request.raw) ?? webSocketOnly()
          if (fault.code === 'upgrade-required')
            reply.header('upgrade', 'websocket').header('sec-websocket-version', webSocketVersion)
          throw fault
        },
      )
    },

    counts: () => Object.fromEntries([...doors].map(([door, { open }]) => [door, open])),

    stats: () => statsOf(open),

    closeAll(code, reason) {
      stopping = true
      open.stop()
      for (const peer of open) peer.end(code, reason, 'stopping')
    },
  }
}

/** What `still` may say of an access that is gone. Anything else means that nobody could look. */
const lost = new Set<AppError['code']>(['unauthenticated', 'forbidden', 'not-found'])

function refusalOf(error: AppError): { code: number; reason: string } {
  if (error.code === 'internal') return { code: 1011, reason: 'Internal error' }
  // Nobody could look whether the token is good.
  if (error.code === 'overloaded') return { code: 1013, reason: 'Try again later' }
  return { code: 1008, reason: 'Invalid token' }
}

/** A protocol violation closes the socket with its own code; there is nothing to add but a name for it. */
function onError(this: WebSocket, error: Error & { code?: string }): void {
  const name = error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH' ? 'too-large' : 'protocol'
  ;(this as Owned)[peerOf].closing ??= name
}

/**
 * Each fragment of a message, and each piece TCP delivers a frame in, keeps the buffer it came in until the last is there; a
 * frame limit alone would not bound what a message costs.
 *
 * @note These options are missing in @types/ws 8.18.
 */
function beyondTypes(maxFrameBytes: number): ServerOptions {
  return {
    maxFragments: Math.max(1024, Math.ceil(maxFrameBytes / 1024)),
    maxBufferedChunks: Math.max(32 * 1024, Math.ceil(maxFrameBytes / 512)),
    closeTimeout: closeTimeoutMs,
  } as ServerOptions
}
