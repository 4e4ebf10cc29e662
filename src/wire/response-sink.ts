import type { ServerResponse } from 'node:http'
import type { Sink } from './pump.ts'

export interface ResponseSink extends Sink {
  /** Ends the response; nothing may be written after it. */
  finish(): void
}

/**
 * A response whose head is written as a sink. `drained` also resolves when the client is gone: the next write then
 * says so.
 *
 * Where the head promised chunks (HTTP/1.1) they are framed here: Node writes each in four pieces, which costs more
 * than all the rest of sending it.
 */
export function responseSink(response: ServerResponse): ResponseSink {
  response.flushHeaders()
  const chunked = response.chunkedEncoding
  response.chunkedEncoding = false
  return {
    write: (text) => response.write(chunked ? chunk(text) : text),
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
    finish: () => void response.end(chunked ? '0\r\n\r\n' : undefined),
  }
}

function chunk(text: string): string {
  return `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`
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
