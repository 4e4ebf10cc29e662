import { toAppError } from '#errors/index.ts'
import { atMost } from '#wire/index.ts'
import type { Socket } from '../gate/sockets/index.ts'
import { refusal } from './admit.ts'

/** A peer that has not taken a byte for so long is gone, or might as well be. */
const stalledMs = 60_000

/** Sends frames, waiting for a socket that is full. Throws `consumer-too-slow` when that takes too long. */
export async function offer(socket: Socket, frames: Iterable<string>): Promise<void> {
  for (const frame of frames) {
    if (!socket.isOpen) return
    if (!socket.write(frame)) await atMost(socket.drained(), stalledMs)
  }
}

/**
 * Runs `pass`, which sends what is new, whenever it is woken: one at a time, and once more when it was woken during one.
 * Nothing is queued for the socket meanwhile: what is new is where `pass` reads it. A pass that throws closes the socket.
 */
export function feeder(
  socket: Socket,
  log: { error(fields: object, message: string): void },
  pass: () => Promise<void>,
): () => void {
  let running = false
  let again = false

  async function run(): Promise<void> {
    try {
      do {
        again = false
        await pass()
      } while (again && socket.isOpen)
    } catch (thrown) {
      const error = toAppError(thrown)
      if (error.code === 'internal') log.error({ err: error.cause ?? error }, 'a socket could not be fed')
      const { code, reason } = refusal(error)
      socket.close(code, reason)
    }
    running = false
  }

  return function wake(): void {
    again = true
    if (running || !socket.isOpen) return
    running = true
    void run()
  }
}
