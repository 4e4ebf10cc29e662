import type { SocketRoute } from './types.ts'

/** One route; those of a door count together. */
export interface DoorEntry {
  readonly door: string
  // biome-ignore lint/suspicious/noExplicitAny: each route has its own idea of who comes
  readonly route: SocketRoute<any>
  readonly figures: DoorFigures
}

export interface DoorFigures {
  open: number
  framesIn: number
  framesOut: number
  framesDropped: number
}

/** What every socket of a server shares. */
export interface Room {
  /** Whether there are rates and counts at all. */
  limited: boolean
  maxFrameBytes: number
  now(): number
  log: { error(fields: object, message: string): void }
}
