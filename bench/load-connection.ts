import { connect, type Socket } from 'node:net'
import { createHttpReader } from './http-reader.ts'
import type { Target } from './load-jobs.ts'

const FILLER = 'Please summarise the following notes in two sentences and name the people in them. '

/** The bytes of one chat request, headers included; the JSON body is `bodyBytes` long. */
export function chatRequest(target: Target, model: string, isStream: boolean, bodyBytes: number): Buffer {
  const make = (content: string) => {
    const streaming = isStream ? { stream: true, stream_options: { include_usage: true } } : {}
    return JSON.stringify({ model, ...streaming, messages: [{ role: 'user', content }] })
  }
  const missing = Math.max(1, bodyBytes - make('').length)
  const body = make(FILLER.repeat(Math.ceil(missing / FILLER.length)).slice(0, missing))
  return Buffer.from(
    `POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:${target.port}\r\nAuthorization: Bearer ${target.key}\r\n` +
      `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  )
}

export type AnswerSink = {
  body(bytes: Buffer): void
  /** The answer is complete and its status was 200; anything else is a failure. */
  end(): void
  /** The connection is of no use any more; called at most once, never after `close`. */
  failed(reason: string): void
}

/** One keep-alive connection over a raw socket: send a request, get its answer, send the next. */
export type Connection = { send(request: Buffer): void; close(): void }

export function openConnection(target: Target, sink: AnswerSink): Connection {
  let status = 0
  let isClosed = false
  let failure = ''
  const socket: Socket = connect({ port: target.port, host: '127.0.0.1', noDelay: true })

  function fail(reason: string): void {
    if (isClosed) return
    isClosed = true
    socket.destroy()
    sink.failed(reason)
  }

  const read = createHttpReader({
    head: (text) => {
      status = Number(text.slice(9, 12))
      failure = status === 200 ? '' : `HTTP ${status} `
    },
    body: (bytes) => {
      if (status === 200) sink.body(bytes)
      else if (failure.length < 300) failure += bytes.toString('latin1')
    },
    end: () => (status === 200 ? sink.end() : fail(failure)),
  })
  socket.on('data', read)
  socket.on('error', (error) => fail(error.message))
  socket.on('close', () => fail('the server closed the connection'))

  return {
    send: (request) => socket.write(request),
    close: () => {
      isClosed = true
      socket.destroy()
    },
  }
}
