import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { PlainRequest } from './plain-request.ts'
import { type AnswerEnd, PlainResponse } from './plain-response.ts'
import { mayBecomePlain, type RequestHead, readRequestHead } from './request-head.ts'

/** The server behind its connections. */
export interface House {
  server: Server
  /** Rounds of looking for who is late; see `Connection.look`. */
  round: number
  answer(request: PlainRequest, response: PlainResponse): void
  /** Takes a connection whose next request is not plain; what was read of it is in the socket again. */
  takeOver(socket: Socket): void
  gone(connection: Connection): void
}

const endOfHead = '\r\n\r\n'
const mostHeadBytes = 8 * 1024
/** A request that comes in more pieces is slow, or wants to be. */
const mostPieces = 8

/**
 * A connection as long as plain requests come over it, one at a time. With the first other one, or one that is late, it
 * is Node's for good, with every byte since the last plain request's end.
 */
export class Connection implements AnswerEnd {
  private readonly house: House
  private readonly socket: Socket
  /** What came and is not part of a request yet. */
  private unread: Buffer | undefined
  private pieces = 0
  private head: RequestHead | undefined
  private bodyStart = 0
  private response: PlainResponse | undefined
  /** The round in which the last request ended, or the connection began. */
  private since: number

  constructor(house: House, socket: Socket) {
    this.house = house
    this.socket = socket
    this.since = house.round
    socket.on('data', this.onData)
    socket.on('end', this.onEnd)
    socket.on('error', this.onError)
    socket.on('close', this.onClose)
    socket.on('timeout', this.onTimeout)
  }

  get keepAliveMs(): number {
    return this.house.server.keepAliveTimeout
  }

  private onData = (bytes: Buffer): void => {
    this.unread = this.unread ? Buffer.concat([this.unread, bytes]) : bytes
    this.pieces += 1
    // The answer before this one is not over: what comes with it waits in the system.
    if (this.response) this.socket.pause()
    else this.read()
  }

  private read(): void {
    const bytes = this.unread!
    this.head ??= this.readHead(bytes)
    const { head, bodyStart } = this
    if (!head) return
    const end = bodyStart + head.bodyBytes
    if (bytes.length < end) {
      this.awaitMore()
      return
    }
    this.head = undefined
    this.pieces = 0
    this.unread = bytes.length > end ? bytes.subarray(end) : undefined
    const body = head.bodyBytes > 0 ? bytes.subarray(bodyStart, end) : undefined
    const request = new PlainRequest(head, body, this.socket)
    this.response = new PlainResponse(this, request)
    this.house.answer(request, this.response)
  }

  private readHead(bytes: Buffer): RequestHead | undefined {
    const text = bytes.toString('latin1', 0, mostHeadBytes)
    const end = text.indexOf(endOfHead)
    const head = end < 0 ? undefined : readRequestHead(text, end)
    this.bodyStart = end + endOfHead.length
    // Who speaks something else does not wait for Node's answer until he is late.
    if (end < 0 && bytes.length < mostHeadBytes && mayBecomePlain(text)) this.awaitMore()
    else if (!head) this.handOver()
    return head
  }

  private awaitMore(): void {
    if (this.pieces >= mostPieces) this.handOver()
  }

  answered(closes: boolean): void {
    this.response = undefined
    this.since = this.house.round
    if (this.socket.destroyed) return
    if (closes || !this.house.server.listening) this.socket.destroySoon()
    else if (this.unread) {
      this.read()
      // More is taken from the system only when what was taken is used up.
      if (!this.response || !this.unread) this.socket.resume()
    }
  }

  /** The server listens no more: what is idle closes, and what has begun to ask is waited for by Node. */
  closeIfIdle(): void {
    if (this.response) return
    if (this.unread) this.handOver()
    else this.socket.destroy()
  }

  close(): void {
    this.socket.destroy()
  }

  /**
   * Called every round, each `roundMs` long: ends what has been idle for too long, hands over who is late with a request, and has
   * Node watch over who does not take his answer (`server.timeout`).
   */
  look(roundMs: number): void {
    const { socket, house, keepAliveMs } = this
    const rounds = house.round - this.since
    if (this.response) {
      if (socket.writableLength > 0 && socket.timeout !== house.server.timeout) socket.setTimeout(house.server.timeout)
    } else if (rounds < 2) return
    else if (this.unread) this.handOver()
    // The first of the rounds may have come at once.
    else if (keepAliveMs > 0 && (rounds - 1) * roundMs >= keepAliveMs) socket.destroy()
  }

  private handOver(): void {
    const { socket, unread } = this
    this.detach()
    // Paused, so that what was read comes out again only to whom it is handed.
    socket.pause()
    // In one piece, with what the stream holds: Node's parser reads past the stream, and would also read past a second piece where it
    // stops after the first.
    const held: Buffer | null = socket.read()
    const pieces = [unread, held].filter((piece) => piece != null)
    if (pieces.length > 0) socket.unshift(Buffer.concat(pieces))
    this.house.takeOver(socket)
    socket.resume()
  }

  private detach(): void {
    const { socket } = this
    socket.off('data', this.onData)
    socket.off('end', this.onEnd)
    socket.off('error', this.onError)
    socket.off('close', this.onClose)
    socket.off('timeout', this.onTimeout)
    this.house.gone(this)
  }

  /** Who says no more wants to hear no more, as with Node's server; it answers to what was asked half only. */
  private onEnd = (): void => {
    const { socket, unread } = this
    if (this.response || !unread) {
      socket.end()
      return
    }
    this.detach()
    this.house.takeOver(socket)
    // A stream takes nothing back after its end.
    socket.emit('data', unread)
    socket.emit('end')
  }

  /** `close` follows. */
  private onError = (): void => {}

  private onTimeout = (): void => {
    this.house.server.emit('timeout', this.socket)
  }

  private onClose = (): void => {
    this.house.gone(this)
    this.response?.left()
  }
}
