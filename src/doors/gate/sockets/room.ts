import type { SocketRoute } from './types.ts'

/** One route and what is counted of its sockets. */
export interface DoorEntry {
  readonly door: string
  // biome-ignore lint/suspicious/noExplicitAny: each route has its own idea of who comes
  readonly route: SocketRoute<any>
  open: number
  framesIn: number
  framesOut: number
}

/** What every socket of a server shares. */
export interface Room {
  /** Whether there are rates and counts at all. */
  limited: boolean
  now(): number
  log: { error(fields: object, message: string): void }
}
