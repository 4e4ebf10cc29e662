import type { Envelope, TurnState } from '#contracts/index.ts'
import { AppError } from '#errors/index.ts'
import type { Turn } from '#turns/index.ts'
import { type Showing, type Socket, showTurn } from '../gate/sockets/index.ts'
import { encodeBytes, type Speech } from './codec.ts'
import { type About, frameEncoder } from './encode.ts'

/** A turn on a connection. */
export interface Shown {
  readonly turn: Turn
  readonly about: About
  /** When its end, or the reader's, has been sent. */
  readonly over: Promise<unknown>
  /** The client has been told that it was stopped. */
  readonly stopped: boolean
  leave(): void
}

/** The turns that one connection is being shown. */
export interface ShownTurns extends Iterable<Shown> {
  /** Throws `overloaded` when there are too many already. */
  reserve(): void
  /** Shows it from the event after `after`, unless it is shown. */
  show(turn: Turn, after: number, about: Omit<About, 'turnId' | 'model'>): void
  hide(turnId: string): void
  get(turnId: string): Shown | undefined
  /** The one that was last begun to be shown, of a thread or of all. */
  newest(threadId?: string): Shown | undefined
}

/** A client takes up so many at once and no more; each is a reader of its turn. */
const mostShown = 64

export function shownTurns(socket: Socket, speech: Speech, failed: (error: AppError) => void): ShownTurns {
  const shown = new Map<string, Shown>()

  function show(turn: Turn, after: number, more: Omit<About, 'turnId' | 'model'>): void {
    if (shown.has(turn.id)) return
    const about = { ...more, turnId: turn.id, model: turn.model }
    const encode = frameEncoder(about)
    let stopped = false
    const frames = (envelope: Envelope, state: TurnState | undefined) => {
      const { event } = envelope
      if (event.type === 'turn-end') stopped = event.outcome === 'cancelled'
      return encode(envelope, state).map((frame) => encodeBytes(frame, speech.mode))
    }
    const showing: Showing = showTurn(socket, turn, after, frames)
    const entry: Shown = {
      turn,
      about,
      leave: showing.leave,
      over: showing.over.then((error) => {
        if (shown.get(turn.id) === entry) shown.delete(turn.id)
        if (error) failed(error)
      }),
      get stopped() {
        return stopped
      },
    }
    shown.set(turn.id, entry)
  }

  return {
    reserve() {
      if (shown.size >= mostShown)
        throw new AppError('overloaded', `This connection shows ${mostShown} turns already; wait for one to end`, {
          retryAfterMs: 1_000,
        })
    },
    show,
    hide(turnId) {
      shown.get(turnId)?.leave()
      shown.delete(turnId)
    },
    get: (turnId) => shown.get(turnId),
    newest: (threadId) =>
      [...shown.values()].findLast(({ about }) => threadId === undefined || about.threadId === threadId),
    [Symbol.iterator]: () => [...shown.values()].values(),
  }
}
