import type { ServerResponse } from 'node:http'
import type { Sink } from './pump.ts'

/** An HTTP response as a sink. `drained` also resolves when the client is gone: the next write then says so. */
export function responseSink(response: ServerResponse): Sink {
  return {
    write: (text) => response.write(text),
    drained: () =>
      new Promise((resolve) => {
        const done = () => {
          response.off('drain', done)
          response.off('close', done)
          resolve()
        }
        response.once('drain', done)
        response.once('close', done)
        if (response.destroyed) done()
      }),
  }
}

/** Writes `ping` whenever nothing else was written for `everyMs`, until the response ends. */
export function keepAlive(response: ServerResponse, ping: string, everyMs: number): void {
  let before = -1
  const timer = setInterval(() => {
    // What is still in the buffer will reach the client without our help.
    const now = response.socket?.bytesWritten ?? 0
    if (now === before && response.writableLength === 0) response.write(ping)
    before = response.socket?.bytesWritten ?? 0
  }, everyMs)
  timer.unref()
  response.once('close', () => clearInterval(timer))
}
