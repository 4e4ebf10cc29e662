import type { AppError } from '#errors/index.ts'
import type { CredentialsOf } from '../credentials.ts'

/** The request that opened a socket, reduced to what a door may need for as long as the socket lives. */
export interface SocketRequest {
  /** Goes into logs. */
  id: string
  ip: string
  params: Record<string, string>
  query: Record<string, string | undefined>
  /** From headers, cookie or query, in this order; a cookie only from our own pages (Origin). Empty: none was given. */
  credentials: CredentialsOf
  /** An app's access token, which stands in no header. */
  appToken?: string
  /** Nothing but a cookie came, from a page of another site: it says nothing, and must not pass for no credential. */
  foreignCookie?: true
}

/** A socket as doors hold it. After it has closed everything here does nothing. */
export interface Socket {
  readonly isOpen: boolean
  /** Bytes handed to `send` that have not left this process. */
  readonly buffered: number
  /** A string goes as a text frame, bytes as a binary one. What a peer does not take closes it with 1008 `consumer-too-slow`. */
  send(data: string | Uint8Array): void
  /** As `send`, but dropped where much is waiting: for what is of no use when it comes late. */
  relay(data: string | Uint8Array): void
  /**
   * For who waits by himself, as `showTurn` does: false when the socket is full and `drained` is to be waited for. Several
   * frames go out together.
   */
  write(data: string | Uint8Array | readonly (string | Uint8Array)[]): boolean
  /** Resolves when all that was sent has left this process, or the socket has closed. */
  drained(): Promise<void>
  /** `reason` is at most 123 bytes. */
  close(code: number, reason: string): void
}

/** What a door does with one socket. */
export interface SocketHandlers {
  /** One frame: text as a string, binary as bytes. Frames of one socket are handed over one after the other. Must not throw or reject. */
  message(data: string | Buffer): Promise<void> | void
  /** Frames came faster than they may and are dropped; told at most once a second. */
  overrun(): void
  closed(): void
  /** Asked after accesses have changed: throws AppError when this one is lost, which closes the socket. */
  still?(): Promise<unknown> | unknown
  /** Who is there and in what, for GET /ws/stats; absent: counted nowhere. */
  presence?(): Presence
}

/** A user connected to a session, which may be `workspace_<id>` (CONTRACTS §1.7). */
export interface Presence {
  session?: string
  user?: string
}

/** A path that speaks WebSocket. */
export interface SocketRoute<Who> {
  /** With `:params`, as Fastify writes them. */
  path: string
  /** The door's name in metrics and logs. */
  door: string
  summary: string
  /** Who comes, or why not: throws AppError. Frames that arrive meanwhile wait. */
  admit(request: SocketRequest): Promise<Who> | Who
  /** Whose sockets are counted together (`socketOwner` of a principal); undefined: only the address counts. */
  owner?(who: Who, request: SocketRequest): string | undefined
  /** The close code and reason of a refusal or of a lost access; default: 1008 "Invalid token", 1013 when overloaded, 1011 for our own faults. */
  refusal?(error: AppError): { code: number; reason: string }
  connect(socket: Socket, who: Who, request: SocketRequest): SocketHandlers
}

/** Every socket of this server: routes, limits, and what is open. */
export interface Sockets {
  route<Who>(route: SocketRoute<Who>): void
  /** Open sockets by door. */
  counts(): Record<string, number>
  /** GET /ws/stats (CONTRACTS §1.7). */
  stats(): SocketStats
  closeAll(code: number, reason: string): void
}

export interface SocketStats {
  total_connections: number
  active_sessions: number
  active_users: number
  details: { sessions: Record<string, number>; users: Record<string, number> }
}
