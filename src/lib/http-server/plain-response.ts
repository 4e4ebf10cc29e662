import { EventEmitter } from 'node:events'
import type { OutgoingHttpHeader, OutgoingHttpHeaders } from 'node:http'
import type { Socket } from 'node:net'
import type { PlainRequest } from './plain-request.ts'
import { linesOf, makeResponseHead } from './response-head.ts'

/** What an answer knows of its connection. */
export interface AnswerEnd {
  /** How long it stays open for another request; 0 for as long as it likes. */
  readonly keepAliveMs: number
  /** Is told that the answer is over; `closes`: and the connection with it. */
  answered(closes: boolean): void
}

type Chunk = string | Uint8Array
type Written = (error?: Error | null) => void

/**
 * The answer to a plain request, with the face of Node's ServerResponse as far as a server's handler, `pipe` and `finished`
 * look at it. What is written goes to the socket at once; head and body of a whole answer go in one piece.
 * Emits `finish` when all of it is with the system, `drain`, and `close` when it is over or the client gone.
 */
export class PlainResponse extends EventEmitter {
  statusCode = 200
  headersSent = false
  /** What is written is framed here as chunks (RFC 9112, 7.1). */
  chunkedEncoding = false
  writableEnded = false
  writableFinished = false
  destroyed = false
  closed = false
  errored: Error | null = null
  readonly req: PlainRequest
  /** Absent when the answer is over: the connection may belong to the next one. */
  socket: Socket | null
  private readonly connection: AnswerEnd
  private headers: OutgoingHttpHeaders | undefined
  private hasBody: boolean
  private closes = false
  /** A head that waits for the first bytes of its body. */
  private head = ''
  private isDrainAwaited = false

  constructor(connection: AnswerEnd, request: PlainRequest) {
    super()
    this.connection = connection
    this.req = request
    this.socket = request.socket
    this.hasBody = request.method !== 'HEAD'
  }

  get writable(): boolean {
    return !this.writableEnded && !this.destroyed
  }

  get writableLength(): number {
    return this.socket?.writableLength ?? 0
  }

  get writableNeedDrain(): boolean {
    return this.socket?.writableNeedDrain ?? false
  }

  get writableHighWaterMark(): number {
    return this.req.socket.writableHighWaterMark
  }

  /** Throws for a header that HTTP cannot say: who sets one can still say something else. */
  setHeader(name: string, value: OutgoingHttpHeader): this {
    linesOf(name, value)
    this.headers = { ...this.headers, [name.toLowerCase()]: value }
    return this
  }

  getHeader(name: string): OutgoingHttpHeader | undefined {
    return this.headers?.[name.toLowerCase()]
  }

  getHeaders(): OutgoingHttpHeaders {
    return this.headers ?? {}
  }

  hasHeader(name: string): boolean {
    return this.getHeader(name) !== undefined
  }

  removeHeader(name: string): void {
    if (this.headers) delete this.headers[name.toLowerCase()]
  }

  /** Makes the head; it is sent with what is written next, or by `flushHeaders`. Throws when there is one already. */
  writeHead(status: number, headers: OutgoingHttpHeaders = {}): this {
    if (this.headersSent)
      throw Object.assign(new Error('The head of this answer was written before'), { code: 'ERR_HTTP_HEADERS_SENT' })
    this.statusCode = status
    const hasBody = this.hasBody && status !== 204 && status !== 304
    const all = this.headers ? { ...this.headers, ...inLowerCase(headers) } : headers
    const head = makeResponseHead(status, all, hasBody, this.connection.keepAliveMs)
    this.hasBody = hasBody
    this.head = head.text
    this.chunkedEncoding = head.chunked
    this.closes = head.closes
    this.headersSent = true
    return this
  }

  flushHeaders(): void {
    if (!this.headersSent) this.writeHead(this.statusCode)
    this.send('')
  }

  /** Gives false when what is written should wait for `drain`. */
  write(chunk: Chunk, encoding?: BufferEncoding | Written, written?: Written): boolean {
    if (typeof encoding === 'function') return this.write(chunk, undefined, encoding)
    if (!this.headersSent) this.writeHead(this.statusCode)
    if (written) process.nextTick(written)
    if (!this.hasBody || chunk.length === 0 || !this.writable) return true
    const isFree = this.chunkedEncoding ? this.sendChunk(chunk, encoding) : this.send(chunk, encoding)
    if (!isFree) this.awaitDrain()
    return isFree
  }

  end(chunk?: Chunk | Written | null, encoding?: BufferEncoding | Written | null, ended?: Written | null): this {
    if (typeof chunk === 'function') return this.end(undefined, undefined, chunk)
    if (typeof encoding === 'function') return this.end(chunk, undefined, encoding)
    if (this.writableEnded) return this
    if (ended) this.once('finish', ended)
    if (!this.headersSent) {
      if (this.tellsLength) this.setHeader('content-length', bytesOf(chunk ?? '', encoding ?? undefined))
      this.writeHead(this.statusCode)
    }
    const body = this.hasBody ? (chunk ?? '') : ''
    if (this.chunkedEncoding) {
      if (body.length > 0) this.sendChunk(body, encoding ?? undefined)
      this.send('0\r\n\r\n')
    } else this.send(body, encoding ?? undefined)
    this.writableEnded = true
    const { socket } = this
    // What the system has not taken yet goes before this.
    if (socket && socket.writableLength > 0) socket.write('', (error) => error || this.finished())
    else process.nextTick(finish, this)
    return this
  }

  /** Whether how long the body is goes without saying: it is there as a whole, and its handler has said nothing. */
  private get tellsLength(): boolean {
    const isBare = !this.hasBody || this.statusCode === 204 || this.statusCode === 304
    return !isBare && !this.hasHeader('content-length') && !this.hasHeader('transfer-encoding')
  }

  destroy(error?: Error): this {
    this.destroyed = true
    this.errored ??= error ?? null
    this.socket?.destroy(error)
    return this
  }

  /** The client is gone. */
  left(): void {
    this.over(true)
  }

  private send(chunk: Chunk, encoding: BufferEncoding = 'utf8'): boolean {
    const { socket, head } = this
    if (!socket) return true
    if (head === '') return chunk.length === 0 ? true : socket.write(chunk, latinIfAscii(chunk, encoding))
    this.head = ''
    // Bytes over 127 may stand in a header's value, and there they mean themselves.
    if (chunk.length === 0) return socket.write(head, 'latin1')
    if (typeof chunk === 'string' && latinIfAscii(chunk, encoding) === 'latin1')
      return socket.write(head + chunk, 'latin1')
    socket.cork()
    socket.write(head, 'latin1')
    const isFree = socket.write(chunk, encoding)
    socket.uncork()
    return isFree
  }

  private sendChunk(chunk: Chunk, encoding: BufferEncoding = 'utf8'): boolean {
    const { socket } = this
    const size = typeof chunk === 'string' ? Buffer.byteLength(chunk, encoding) : chunk.length
    // A text of as many bytes as characters is ASCII in UTF-8, and needs no encoding.
    if (typeof chunk === 'string' && size === chunk.length)
      return this.send(`${size.toString(16)}\r\n${chunk}\r\n`, encoding === 'utf8' ? 'latin1' : encoding)
    socket?.cork()
    this.send(`${size.toString(16)}\r\n`)
    this.send(chunk, encoding)
    const isFree = this.send('\r\n')
    socket?.uncork()
    return isFree
  }

  private awaitDrain(): void {
    if (this.isDrainAwaited) return
    this.isDrainAwaited = true
    this.socket?.once('drain', () => {
      this.isDrainAwaited = false
      if (!this.destroyed) this.emit('drain')
    })
  }

  /** All of it is with the system. */
  finished(): void {
    if (this.destroyed) return
    this.writableFinished = true
    this.emit('finish')
    const { connection, closes } = this
    this.over(false)
    connection.answered(closes)
  }

  private over(left: boolean): void {
    if (this.closed) return
    this.closed = true
    this.destroyed = true
    this.socket = null
    this.emit('close')
    this.req.over(left)
  }
}

function finish(response: PlainResponse): void {
  response.finished()
}

function bytesOf(chunk: Chunk, encoding?: BufferEncoding): number {
  return typeof chunk === 'string' ? Buffer.byteLength(chunk, encoding) : chunk.length
}

function inLowerCase(headers: OutgoingHttpHeaders): OutgoingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
}

/** Where every character is one byte, sending them as such saves encoding them. */
function latinIfAscii(chunk: Chunk, encoding: BufferEncoding): BufferEncoding {
  return encoding === 'utf8' && bytesOf(chunk) === chunk.length ? 'latin1' : encoding
}
