import type { WebSocket } from 'ws'
import type { Sink } from './pump.ts'

/** More than this unsent, and a socket is full. */
const highWaterBytes = 256 * 1024

/** A WebSocket as a sink of text frames. One frame a `write`. */
export function socketSink(socket: WebSocket): Sink {
  return {
    write(text) {
      if (socket.readyState !== socket.OPEN) return true
      socket.send(text)
      return socket.bufferedAmount < highWaterBytes
    },
    // An empty ping goes out after all that is queued; it tells when the queue has been taken.
    drained: () =>
      new Promise((resolve) => {
        if (socket.readyState !== socket.OPEN) return resolve()
        const done = () => {
          socket.off('close', done)
          resolve()
        }
        socket.once('close', done)
        socket.ping(undefined, undefined, done)
      }),
  }
}

/** Pings every `everyMs` and terminates a peer that did not answer the last one. */
export function heartbeat(socket: WebSocket, everyMs: number): void {
  let alive = true
  socket.on('pong', () => {
    alive = true
  })
  const timer = setInterval(() => {
    if (!alive) return socket.terminate()
    alive = false
    socket.ping()
  }, everyMs)
  timer.unref()
  socket.once('close', () => clearInterval(timer))
}
