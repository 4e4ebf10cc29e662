import type { Envelope, TurnState } from '#contracts/index.ts'
import type { Viewer } from './live-log.ts'
import type { RunningTurn } from './running-turn.ts'

export interface TurnReader extends AsyncIterableIterator<Envelope[]> {
  /** Leaves; a pending `next` ends. */
  return(): Promise<IteratorResult<Envelope[]>>
}

/** What a door holds of a turn it has started or found. */
export interface Turn {
  id: string
  conversationId?: string
  appId?: string
  model: string
  /** Unix ms. */
  createdAt: number
  /** True when an earlier request with the same Idempotency-Key had started it. */
  replayed: boolean
  /** Events after `seq` (0: all), then live ones until the turn ends. Never misses one, never repeats one. */
  read(after?: number): TurnReader
  /** The turn's final state, once it is on disk. */
  result(): Promise<TurnState>
  /** As `result`, and counts as a reader until `leave` is called. */
  wait(): { result: Promise<TurnState>; leave(): void }
}

/** A running turn as a door holds it. */
export class LiveTurn implements Turn {
  readonly id: string
  readonly conversationId: string | undefined
  readonly appId: string | undefined
  readonly model: string
  readonly createdAt: number
  readonly replayed: boolean
  private readonly turn: RunningTurn
  private readonly viewer: Viewer

  constructor(turn: RunningTurn, viewer: Viewer, replayed: boolean) {
    const { prepared } = turn
    this.id = prepared.publicId
    this.conversationId = prepared.conversation?.publicId
    this.appId = prepared.app?.publicId
    this.model = prepared.model
    this.createdAt = turn.startedAt
    this.replayed = replayed
    this.turn = turn
    this.viewer = viewer
  }

  read(after = 0): TurnReader {
    return this.turn.log.reader(after, this.viewer)
  }

  result(): Promise<TurnState> {
    return this.turn.result
  }

  wait(): { result: Promise<TurnState>; leave(): void } {
    const { log, answer } = this.turn
    const reader = log.reader(log.seq, 'internal')
    return { result: answer, leave: () => reader.leave() }
  }
}
