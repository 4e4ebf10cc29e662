import { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import type { RequestHead } from './request-head.ts'

/**
 * A request that is there as a whole, with the face of Node's IncomingMessage as far as a server's handler looks at it: its
 * body comes as one `data` when it is resumed. Emits `close` when its answer is over or its client gone.
 */
export class PlainRequest extends EventEmitter {
  readonly httpVersion = '1.1'
  readonly httpVersionMajor = 1
  readonly httpVersionMinor = 1
  readonly complete = true
  readonly method: string
  url: string
  readonly headers: Record<string, string>
  readonly socket: Socket
  /** Its client left before the answer was over. */
  aborted = false
  destroyed = false
  private body: Buffer | undefined

  constructor({ method, url, headers }: RequestHead, body: Buffer | undefined, socket: Socket) {
    super()
    this.method = method
    this.url = url
    this.headers = headers
    this.body = body
    this.socket = socket
  }

  /** Emits the body and its end, in the next tick. To be called once. */
  resume(): this {
    process.nextTick(emitBody, this, this.takeBody())
    return this
  }

  /** The body for who needs no events to get it; it is not emitted then. Undefined when there is none, and from then on. */
  takeBody(): Buffer | undefined {
    const { body } = this
    this.body = undefined
    return body
  }

  destroy(error?: Error): this {
    this.socket.destroy(error)
    return this
  }

  /** Nothing more will happen to it. */
  over(left: boolean): void {
    if (this.destroyed) return
    this.destroyed = true
    this.aborted = left
    this.emit('close')
  }
}

function emitBody(request: PlainRequest, body: Buffer | undefined): void {
  if (request.destroyed) return
  if (body) request.emit('data', body)
  request.emit('end')
}
