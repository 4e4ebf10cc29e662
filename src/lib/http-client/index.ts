/**
 * A client of HTTP/1.1 for upstreams: what is asked of them is a few thousand requests a second, each with an answer that is read
 * as it comes. docs/decisions: an HTTP client for upstreams.
 */
import { Connection, type Place, type Requester } from './connection.ts'
import type { HttpRequestText } from './request-text.ts'

export type { AnswerHeaders } from './answer-parser.ts'
export type { Requester } from './connection.ts'
export { HttpFault } from './fault.ts'
export type { HttpRequestText } from './request-text.ts'

/** How long a connection without a request is kept, and how much sooner it is closed than the other side says it will do it. */
const keptMs = 30_000
const soonerMs = 1_000
/** How often those are closed whose time is over. */
const sweepMs = 5_000

interface Origin {
  place: Place
  /** The one that was used last stands last: the fewer are in use, the more of them come of age. */
  idle: Connection[]
}

/** Where a request is under way. All of it does nothing once the connection has gone over to another one. */
export interface SentRequest {
  /** Nothing more is wanted, and nothing more is told. */
  abort(requester: Requester): void
  /** Nothing more is read until `resume`, but for what has been read already. */
  pause(requester: Requester): void
  resume(requester: Requester): void
}

/** Keeps connections and gives each request one of its own. */
export class HttpClient {
  private readonly origins = new Map<string, Origin>()
  private readonly open = new Set<Connection>()
  private sweeper: NodeJS.Timeout | undefined

  /** `origin`: as URL.origin gives it, http or https. What becomes of the request is told to the requester, never thrown. */
  send(origin: string, request: HttpRequestText, requester: Requester): SentRequest {
    const to = this.originOf(origin)
    const connection = this.idleOf(to) ?? this.connect(to)
    connection.send(requester, request)
    return connection
  }

  /** Connections on which a request is under way. */
  get busy(): number {
    let idle = 0
    for (const origin of this.origins.values()) idle += origin.idle.length
    return this.open.size - idle
  }

  /** Closes all connections; requests under way are told so. */
  close(): void {
    clearInterval(this.sweeper)
    for (const connection of this.open) connection.destroy()
  }

  private originOf(text: string): Origin {
    const known = this.origins.get(text)
    if (known) return known
    const { protocol, hostname, port, host } = new URL(text)
    const isSecure = protocol === 'https:'
    const place: Place = {
      isSecure,
      hostname: hostname.replace(/^\[(.*)\]$/, '$1'),
      port: port === '' ? (isSecure ? 443 : 80) : Number(port),
      host,
    }
    const origin = { place, idle: [] }
    this.origins.set(text, origin)
    return origin
  }

  private idleOf({ idle }: Origin): Connection | undefined {
    const now = performance.now()
    for (let connection = idle.pop(); connection; connection = idle.pop()) {
      if (connection.keptUntil > now) return connection
      connection.destroy()
    }
    return undefined
  }

  private connect(origin: Origin): Connection {
    const connection = new Connection(
      origin.place,
      (free, keptSeconds) => {
        const hintMs = keptSeconds === undefined ? keptMs : keptSeconds * 1_000 - soonerMs
        if (hintMs <= 0) return free.destroy()
        free.keptUntil = performance.now() + Math.min(keptMs, hintMs)
        origin.idle.push(free)
        this.sweeper ??= setInterval(() => this.sweep(), sweepMs).unref()
      },
      (gone) => {
        this.open.delete(gone)
        const at = origin.idle.indexOf(gone)
        if (at >= 0) origin.idle.splice(at, 1)
      },
    )
    this.open.add(connection)
    return connection
  }

  private sweep(): void {
    const now = performance.now()
    let kept = 0
    for (const { idle } of this.origins.values()) {
      for (const connection of idle.filter(({ keptUntil }) => keptUntil <= now)) connection.destroy()
      kept += idle.length
    }
    if (kept > 0) return
    clearInterval(this.sweeper)
    this.sweeper = undefined
  }
}
