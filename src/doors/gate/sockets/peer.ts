import type { Socket as NetSocket } from 'node:net'
import { WebSocket } from 'ws'
import { toAppError } from '#errors/index.ts'
import { type Beating, drained } from '#wire/index.ts'
import type { Place } from './crowd.ts'
import { type Inflation, inflation } from './inflation.ts'
import type { DoorEntry, Room } from './room.ts'
import type { Socket, SocketHandlers } from './types.ts'

/** More than this unsent, and a socket is full for `write`. */
const highWaterBytes = 256 * 1024
/** Unsent bytes of `send` after which the peer is given up. */
const mostQueuedBytes = 1024 * 1024
/** A relayed frame is dropped rather than queued behind so much. */
const relayUpToBytes = 64 * 1024
/** Frames that may wait for the one before them, and how long all but the first may be together. */
const mostWaiting = 100
const mostWaitingLength = 1024 * 1024
/** When what waits is longer than this together, nothing more is read from the peer for a while. */
const pauseAboveLength = 256 * 1024
const framesPerSecond = 50
/** The reason and the name of a close. */
const tooSlow = 'consumer-too-slow'
const controlsPerSecond = 50

const text = { binary: false }
const binary = { binary: true }

/**
 * One open socket. A class, because there are ten thousand of them: its functions are shared, and what an idle one does
 * not need (a queue, a promise) is not there.
 */
export class Peer implements Socket, Beating {
  slot = 0
  readonly entry: DoorEntry
  readonly address: Place | undefined
  owner: Place | undefined
  handlers: SocketHandlers | undefined
  /** Why we closed it, for the counters. */
  closing: string | undefined
  private readonly room: Room
  private readonly socket: WebSocket
  /** What the socket stands on. */
  private readonly stream: NetSocket
  /** Frames behind the one that is being handled, or that came before it was known who is there. */
  private waiting: (string | Buffer)[] | undefined
  private waitingLength = 0
  private busy = false
  /** Frames were dropped before there was anybody to tell it. */
  private early = false
  /** Only of a peer that may pack its messages, and has sent one. */
  private unpacked: Inflation | undefined
  private allowance = framesPerSecond
  private refilledAt: number
  private toldAt = 0
  private alive = true
  /** Control frames that came in this second without being asked for. */
  private controls = 0
  private controlSecond = 0
  /** Our pings that were not answered yet. */
  private asked = 0
  /** Bytes the peer's side had taken at the last beat. */
  private taken = 0
  /** How much of what is queued was written by `write`, which waits by itself. */
  private written = 0

  constructor(room: Room, entry: DoorEntry, socket: WebSocket, stream: NetSocket, address: Place | undefined) {
    this.room = room
    this.entry = entry
    this.socket = socket
    this.stream = stream
    this.address = address
    this.refilledAt = room.now()
  }

  get isOpen(): boolean {
    return this.socket.readyState === WebSocket.OPEN
  }

  get buffered(): number {
    return this.socket.bufferedAmount
  }

  send(data: string | Uint8Array): void {
    if (!this.isOpen) return
    this.put(data)
    const { buffered } = this
    if (this.written > buffered) this.written = buffered
    if (buffered - this.written > mostQueuedBytes) this.end(1008, tooSlow, tooSlow)
  }

  relay(data: string | Uint8Array): void {
    if (this.buffered < relayUpToBytes) this.send(data)
  }

  write(data: string | Uint8Array | readonly (string | Uint8Array)[]): boolean {
    if (!this.isOpen) return true
    const before = this.buffered
    if (typeof data === 'string' || data instanceof Uint8Array) this.put(data)
    else {
      this.stream.cork()
      for (const frame of data) this.put(frame)
      this.stream.uncork()
    }
    const after = this.buffered
    this.written = Math.min(this.written, before) + Math.max(0, after - before)
    return after < highWaterBytes
  }

  drained(): Promise<void> {
    // It asks by a ping.
    this.asked++
    return drained(this.socket)
  }

  close(code: number, reason: string): void {
    this.end(code, reason, reason === tooSlow ? tooSlow : `door-${code}`)
  }

  /** As `close`, with the name under which it is counted. */
  end(code: number, reason: string, name: string): void {
    if (!this.isOpen) return
    this.closing = name
    this.socket.close(code, reason)
    // The answer to it is to be heard.
    if (this.socket.isPaused) this.socket.resume()
  }

  /** The door is ready: what waited is handed over. */
  open(handlers: SocketHandlers): void {
    this.handlers = handlers
    if (this.early) handlers.overrun()
    this.proceed()
  }

  /** A frame came. */
  receive(data: Buffer, isBinary: boolean): void {
    if (this.room.limited && !this.unpacks(data.length)) this.drop('inflation')
    if (!this.isOpen) return
    this.alive = true
    this.entry.figures.framesIn++
    const frame = isBinary ? data : data.toString()
    if (this.room.limited && !this.takeAllowance()) this.overrun()
    else if (this.handlers && !this.busy && !this.waiting) this.hand(frame)
    else this.wait(frame)
  }

  ping(): void {
    this.control()
  }

  pong(): void {
    this.alive = true
    if (this.asked > 0) this.asked--
    else this.control()
  }

  /** Asks whether the peer is still there; one that neither answered the last time nor took a byte since is not. */
  beat(): void {
    // Whoever is not listened to cannot answer.
    if (this.socket.isPaused) return
    if (!this.alive && this.taken === this.takenNow()) {
      this.closing ??= 'no-answer'
      this.socket.terminate()
    } else if (this.alive && this.isOpen) {
      this.alive = false
      this.asked++
      this.socket.ping()
    }
    this.taken = this.takenNow()
  }

  private takenNow(): number {
    return this.stream.bytesWritten - this.stream.writableLength
  }

  gone(): void {
    this.waiting = undefined
    this.handlers?.closed()
  }

  private put(data: string | Uint8Array): void {
    this.entry.figures.framesOut++
    this.socket.send(data, typeof data === 'string' ? text : binary)
  }

  private hand(frame: string | Buffer): void {
    try {
      const handling = this.handlers!.message(frame)
      if (!handling) return
      this.busy = true
      handling.then(
        () => {
          this.busy = false
          this.proceed()
        },
        (thrown) => this.fault(thrown),
      )
    } catch (thrown) {
      this.fault(thrown)
    }
  }

  /** For the one before it, or until it is known who is there; then not much is taken from a stranger. */
  private wait(frame: string | Buffer): void {
    this.waiting ??= []
    const length = this.waitingLength + frame.length
    // Little that was read may be much: it may have come compressed.
    if (this.waiting.length >= mostWaiting || (this.waiting.length > 0 && length > mostWaitingLength)) this.overrun()
    else {
      this.waiting.push(frame)
      this.waitingLength = length
      if (!this.handlers || length > pauseAboveLength) this.socket.pause()
    }
  }

  /** Hands over what waits, until something of it takes its time. */
  private proceed(): void {
    while (this.waiting && !this.busy && this.isOpen) {
      const frame = this.waiting.shift()
      if (frame === undefined) this.waiting = undefined
      else {
        this.waitingLength -= frame.length
        this.hand(frame)
      }
    }
    if (this.socket.isPaused && this.waitingLength <= pauseAboveLength) this.socket.resume()
  }

  private overrun(): void {
    this.entry.figures.framesDropped++
    this.early ||= !this.handlers
    const now = this.room.now()
    if (Math.abs(now - this.toldAt) < 1_000) return
    this.toldAt = now
    this.handlers?.overrun()
  }

  /**
   * A control frame that nobody asked for. Between the fragments of a message many of them would hold much memory, also while
   * a close is waited for; so who floods is dropped.
   */
  private control(): void {
    if (!this.room.limited) return
    const second = Math.floor(this.room.now() / 1000)
    this.controls = second === this.controlSecond ? this.controls + 1 : 1
    this.controlSecond = second
    if (this.controls > controlsPerSecond) this.drop('control-flood')
  }

  /** Whether a message may still have come to this length. Also while a close is waited for: it was unpacked by then. */
  private unpacks(length: number): boolean {
    if (this.socket.extensions === '') return true
    const now = this.room.now()
    this.unpacked ??= inflation(this.stream, this.room.maxFrameBytes, now)
    return this.unpacked.allows(length, now)
  }

  /** Without a close, whose answer would have to be waited for. */
  private drop(name: string): void {
    this.closing ??= name
    this.socket.terminate()
  }

  private takeAllowance(): boolean {
    const now = this.room.now()
    // A clock that was set back gives nothing, and takes nothing either.
    const passed = Math.max(0, now - this.refilledAt)
    this.allowance = Math.min(framesPerSecond, this.allowance + (passed / 1000) * framesPerSecond)
    this.refilledAt = now
    if (this.allowance < 1) return false
    this.allowance--
    return true
  }

  private fault(thrown: unknown): void {
    const error = toAppError(thrown)
    this.room.log.error({ err: error.cause ?? error, door: this.entry.door }, 'a socket frame failed')
    this.end(1011, 'Internal error', 'fault')
  }
}
