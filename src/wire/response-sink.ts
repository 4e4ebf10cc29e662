import type { ServerResponse } from 'node:http'
import type { Writable } from 'node:stream'
import type { Sink } from './pump.ts'

export interface ResponseSink extends Sink {
  /** Ends the response; nothing may be written after it. */
  finish(): void
}

/**
 * A response whose head is written as a sink. `drained` also resolves when the client is gone: the next write then
 * says so.
 *
 * Texts go straight to the socket, framed here where the head promised chunks (HTTP/1.1): Node would hold each back for
 * a tick and write it in four pieces, which costs more than all the rest of sending it. While an earlier answer is
 * still on its way over the same connection there is no socket yet, and Node keeps the order.
 */
export function responseSink(response: ServerResponse): ResponseSink {
  response.flushHeaders()
  const chunked = response.chunkedEncoding
  response.chunkedEncoding = false
  const target: Writable = response.socket ?? response
  return {
    write(text) {
      // The connection may belong to the next answer already.
      if (response.writableEnded || response.destroyed) return true
      const bytes = Buffer.byteLength(text)
      const framed = chunked ? `${bytes.toString(16)}\r\n${text}\r\n` : text
      // Where every character is one byte, sending them as such saves encoding them.
      return target.write(framed, bytes === text.length ? 'latin1' : 'utf8')
    },
    drained: () =>
      new Promise((resolve) => {
        const done = () => {
          target.off('drain', done)
          response.off('close', done)
          resolve()
        }
        target.once('drain', done)
        response.once('close', done)
        if (response.destroyed) done()
      }),
    finish: () => void response.end(chunked ? '0\r\n\r\n' : undefined),
  }
}

/** Writes `ping` whenever nothing else was written for `everyMs`, until the response ends. */
export function keepAlive(response: ServerResponse, sink: Sink, ping: string, everyMs: number): void {
  let before = -1
  const timer = setInterval(() => {
    // What is still in the buffer will reach the client without our help.
    const now = response.socket?.bytesWritten ?? 0
    if (now === before && response.writableLength === 0) sink.write(ping)
    before = response.socket?.bytesWritten ?? 0
  }, everyMs)
  timer.unref()
  response.once('close', () => clearInterval(timer))
}
