import type { Envelope, TurnState } from '#contracts/index.ts'
import type { LiveLog, Viewer } from './live-log.ts'
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
  private readonly log: LiveLog
  private readonly answer: Promise<TurnState>
  private readonly stored: Promise<TurnState>
  private readonly viewer: Viewer

  constructor(turn: RunningTurn, viewer: Viewer, replayed: boolean) {
    const { prepared } = turn
    this.id = prepared.publicId
    this.conversationId = prepared.conversation?.publicId
    this.appId = prepared.app?.publicId
    this.model = prepared.model
    this.createdAt = turn.startedAt
    this.replayed = replayed
    this.log = turn.log
    this.answer = turn.answer
    this.stored = turn.result
    this.viewer = viewer
  }

  read(after = 0): TurnReader {
    return this.log.reader(after, this.viewer)
  }

  result(): Promise<TurnState> {
    return this.stored
  }

  wait(): { result: Promise<TurnState>; leave(): void } {
    const reader = this.log.reader(this.log.seq, 'internal')
    return { result: this.answer, leave: () => reader.leave() }
  }
}
