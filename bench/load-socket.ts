import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import type { Target } from './load-jobs.ts'

export type FrameSink = {
  open(): void
  /** One whole frame of the server's; the bench's server sends none in fragments. */
  frame(payload: Buffer): void
  /** The connection is of no use any more; called at most once, never after `close`. */
  failed(reason: string): void
}

export type LoadSocket = { sendText(text: string): void; sendBytes(bytes: Uint8Array): void; close(): void }

const TEXT = 0x81
const BINARY = 0x82
const PING = 0x89
const PONG = 0x8a
const CLOSE = 0x88
const NO_MASK = Buffer.alloc(4)

/** One WebSocket over a raw socket. It knows just what the load generator needs, so that it stays cheap. */
export function openSocket(target: Target, path: string, sink: FrameSink): LoadSocket {
  const socket = connect({ port: target.port, host: '127.0.0.1', noDelay: true })
  let carried: Buffer | undefined
  let isOpen = false
  let isClosed = false

  function fail(reason: string): void {
    if (isClosed) return
    isClosed = true
    socket.destroy()
    sink.failed(reason)
  }

  function send(head: number, payload: Uint8Array): void {
    const size = payload.length
    const length = size < 126 ? Buffer.of(0x80 | size) : Buffer.of(0x80 | 126, size >> 8, size & 0xff)
    // A mask of zeros changes nothing, which saves masking.
    socket.write(Buffer.concat([Buffer.of(head), length, NO_MASK, payload]))
  }

  /** Where the answer to the handshake ends; -1 while it has not. */
  function takeHandshake(bytes: Buffer): number {
    const end = bytes.indexOf('\r\n\r\n', 0, 'latin1')
    if (end < 0) return -1
    const status = bytes.toString('latin1', 9, 12)
    if (status !== '101') fail(`HTTP ${status} instead of a socket`)
    else {
      isOpen = true
      sink.open()
    }
    return end + 4
  }

  /** Where the frame at `from` ends, after it has been handed over; -1 while it is not whole. */
  function takeFrame(bytes: Buffer, from: number): number {
    if (bytes.length < from + 2) return -1
    const short = bytes[from + 1]!
    const start = from + (short < 126 ? 2 : short === 126 ? 4 : 10)
    if (bytes.length < start) return -1
    const size = short < 126 ? short : short === 126 ? bytes.readUInt16BE(from + 2) : bytes.readUInt32BE(from + 6)
    const end = start + size
    if (bytes.length < end) return -1
    const head = bytes[from]!
    if (head === TEXT || head === BINARY) sink.frame(bytes.subarray(start, end))
    else if (head === PING) send(PONG, bytes.subarray(start, end))
    else if (head === CLOSE) fail(`closed ${bytes.readUInt16BE(start)} ${bytes.toString('utf8', start + 2, end)}`)
    return end
  }

  socket.on('data', (incoming) => {
    const bytes = carried ? Buffer.concat([carried, incoming]) : incoming
    carried = undefined
    for (let at = 0; at < bytes.length && !isClosed; ) {
      const next = isOpen ? takeFrame(bytes, at) : takeHandshake(bytes)
      if (next < 0) {
        carried = bytes.subarray(at)
        return
      }
      at = next
    }
  })
  socket.on('error', (error) => fail(error.message))
  socket.on('close', () => fail('the server closed the connection'))
  socket.write(
    `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${target.port}\r\nAuthorization: Bearer ${target.key}\r\n` +
      'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
      `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n\r\n`,
  )

  return {
    sendText: (text) => send(TEXT, Buffer.from(text)),
    sendBytes: (bytes) => send(BINARY, bytes),
    close: () => {
      isClosed = true
      socket.destroy()
    },
  }
}
