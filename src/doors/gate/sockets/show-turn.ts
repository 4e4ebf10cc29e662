import type { Envelope, TurnState } from '#contracts/index.ts'
import { type AppError, toAppError } from '#errors/index.ts'
import { handOver } from '#lib/batches.ts'
import { atMost } from '#wire/index.ts'
import type { Socket } from './types.ts'

/** A peer that has not taken a byte of a turn for so long is gone, or might as well be. */
const stalledMs = 60_000

/** As much of a turn as showing it needs. */
export interface ShownTurn {
  read(after: number): AsyncIterable<Envelope[]> & { return(): Promise<unknown> }
  result(): Promise<TurnState>
}

/** A turn being shown. */
export interface Showing {
  /** Stops showing it; the turn goes on. */
  leave(): void
  /** When its end, or the reader's, has been sent: what failed in showing it, if anything did. Never rejects. */
  over: Promise<AppError | undefined>
}

/** One event → frames. The end of a turn comes with the state that it has come to. */
export type FrameEncoder = (envelope: Envelope, state: TurnState | undefined) => (string | Uint8Array)[]

/**
 * Shows a turn on a socket, from the event after `after` to its end. A socket that is full is waited for, while the turn's
 * log keeps what comes; one that takes nothing for a minute is closed with 1008 `consumer-too-slow`.
 */
export function showTurn(socket: Socket, turn: ShownTurn, after: number, encode: FrameEncoder): Showing {
  const reader = turn.read(after)
  const leave = () => void reader.return()
  return { leave, over: show(socket, turn, reader, encode).finally(leave) }
}

async function show(
  socket: Socket,
  turn: ShownTurn,
  reader: ReturnType<ShownTurn['read']>,
  encode: FrameEncoder,
): Promise<AppError | undefined> {
  const send = (batch: Envelope[], state?: TurnState): undefined | Promise<undefined> => {
    const frames: (string | Uint8Array)[] = []
    for (const envelope of batch)
      for (const frame of encode(envelope, envelope.event.type === 'turn-end' ? state : undefined)) frames.push(frame)
    if (!socket.write(frames)) return atMost(socket.drained(), stalledMs)
  }
  try {
    await handOver(reader, (batch) => {
      if (!socket.isOpen) return false
      if (batch.at(-1)?.event.type !== 'turn-end') return send(batch)
      return turn.result().then((state) => send(batch, state))
    })
    return undefined
  } catch (thrown) {
    const error = toAppError(thrown)
    if (error.code !== 'consumer-too-slow') return error
    socket.close(1008, 'consumer-too-slow')
    return undefined
  }
}
