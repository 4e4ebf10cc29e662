import { connect as connectPlain, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { type AnswerHeaders, AnswerParser, type AnswerTaker } from './answer-parser.ts'
import { HttpFault } from './fault.ts'
import { type HttpRequestText, headText } from './request-text.ts'

/** Who sends a request, and hears what becomes of it. After `onEnd` and `onError` nothing follows. */
export interface Requester {
  /** There is a connection, and the request has been given to it. */
  onSent(): void
  onHead(status: number, headers: AnswerHeaders): void
  /** The bytes are the requester's to keep. */
  onBody(bytes: Buffer): void
  onEnd(): void
  /** HttpFault, or what the network said. */
  onError(error: Error): void
}

/** Where connections of one origin lead. */
export interface Place {
  isSecure: boolean
  hostname: string
  port: number
  /** As it stands in the header `host`. */
  host: string
  /** The last TLS session, which the next handshake can go on from. */
  session?: Buffer | undefined
}

/** What sockets read into, one after the other. */
const readBuffer = Buffer.allocUnsafeSlow(64 * 1024)

/**
 * One connection, for one request at a time. Reads straight from the socket's handle (`onread`): a stream's machinery, which
 * keeps and copies, would cost more than all that is done here.
 */
export class Connection implements AnswerTaker {
  /** Until when the other side may be expected to keep it; performance.now(). */
  keptUntil = Number.POSITIVE_INFINITY
  private readonly socket: Socket
  private readonly host: string
  private readonly onFree: (connection: Connection, keptSeconds: number | undefined) => void
  private readonly onGone: (connection: Connection) => void
  private requester: Requester | undefined
  private waiting: HttpRequestText | undefined
  private parser: AnswerParser | undefined
  private isConnected = false
  private isPaused = false
  private isGone = false
  private failure: Error | undefined

  /** `onFree`: an answer is over and another request may be sent. `onGone`: it is of no more use; once. */
  constructor(
    place: Place,
    onFree: (connection: Connection, keptSeconds: number | undefined) => void,
    onGone: (connection: Connection) => void,
  ) {
    this.host = place.host
    this.onFree = onFree
    this.onGone = onGone
    const options = {
      host: place.hostname,
      port: place.port,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: 60_000,
      onread: { buffer: readBuffer, callback: (size: number) => this.read(size) },
    }
    if (place.isSecure) {
      const socket = connectTls({
        ...options,
        ALPNProtocols: ['http/1.1'],
        ...(isIP(place.hostname) === 0 && { servername: place.hostname }),
        ...(place.session && { session: place.session }),
      })
      socket.on('session', (session) => {
        place.session = session
      })
      this.socket = socket
    } else this.socket = connectPlain(options)
    this.socket
      .once(place.isSecure ? 'secureConnect' : 'connect', () => this.connected())
      .on('error', (error) => {
        this.failure = error
      })
      .once('end', () => this.ended())
      .once('close', () => this.closed())
  }

  send(requester: Requester, request: HttpRequestText): void {
    this.requester = requester
    if (this.isConnected) this.write(request)
    else this.waiting = request
  }

  /** The requester wants nothing more; it is told nothing more. */
  abort(requester: Requester): void {
    if (this.requester !== requester) return
    this.requester = undefined
    this.parser = undefined
    this.destroy()
  }

  pause(requester: Requester): void {
    if (this.requester === requester) this.isPaused = true
  }

  resume(requester: Requester): void {
    if (this.requester === requester && this.isPaused) this.readOn()
  }

  destroy(): void {
    this.socket.destroy()
    this.gone()
  }

  /** @internal for the parser */
  onHead(status: number, headers: AnswerHeaders): void {
    this.requester?.onHead(status, headers)
  }

  /** @internal for the parser */
  onBody(bytes: Buffer): void {
    this.requester?.onBody(bytes)
  }

  private connected(): void {
    this.isConnected = true
    const { waiting } = this
    this.waiting = undefined
    if (waiting) this.write(waiting)
  }

  private write(request: HttpRequestText): void {
    const { socket, requester } = this
    const { body = '' } = request
    const bodyBytes = Buffer.byteLength(body)
    let head: string
    try {
      head = headText(request, this.host, bodyBytes)
    } catch (thrown) {
      this.fail(thrown as Error)
      return
    }
    this.parser = new AnswerParser(this)
    // Where every character of the body is one byte, head and body are one write.
    if (bodyBytes === body.length) socket.write(head + body, 'latin1')
    else {
      socket.cork()
      socket.write(head, 'latin1')
      socket.write(body, 'utf8')
      socket.uncork()
    }
    requester?.onSent()
  }

  /** Of a socket: `size` bytes stand in the buffer. False: no more for now. */
  private read(size: number): boolean {
    const { parser } = this
    try {
      // Who says something unasked is not listened to.
      if (!parser) throw new HttpFault('MALFORMED', 'The upstream answered without being asked')
      // Copied at once: what is done with one answer may make another socket read before this returns.
      const used = parser.read(Buffer.from(readBuffer.subarray(0, size)))
      if (parser.isOver && this.parser === parser) this.over(parser, used === size)
    } catch (thrown) {
      this.fail(thrown as Error)
    }
    return !this.isPaused
  }

  private over(parser: AnswerParser, isClean: boolean): void {
    const { requester, socket } = this
    this.parser = undefined
    this.requester = undefined
    if (this.isPaused) this.readOn()
    // An answer that came before its question was written leaves half a question behind.
    const isFree = parser.isKept && isClean && socket.writableLength === 0 && !this.isGone
    if (isFree) this.onFree(this, parser.keptSeconds)
    else this.destroy()
    requester?.onEnd()
  }

  private readOn(): void {
    this.isPaused = false
    this.socket.resume()
  }

  /** The other side has said all it will. */
  private ended(): void {
    const { parser } = this
    try {
      parser?.close()
      if (parser) this.over(parser, false)
      else this.destroy()
    } catch (thrown) {
      this.fail(thrown as Error)
    }
  }

  private closed(): void {
    this.fail(this.failure ?? new HttpFault('CLOSED', 'The connection was closed'))
  }

  private fail(error: Error): void {
    const { requester } = this
    this.requester = undefined
    this.parser = undefined
    this.destroy()
    requester?.onError(error)
  }

  private gone(): void {
    if (this.isGone) return
    this.isGone = true
    this.onGone(this)
  }
}
