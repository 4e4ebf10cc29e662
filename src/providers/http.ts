import type { IncomingHttpHeaders } from 'node:http'
import { AppError } from '#errors/index.ts'
import type { Requester, SentRequest } from '#lib/http-client/index.ts'
import { Pacer } from '#lib/pacer.ts'
import { encodeJson } from './json.ts'
import type { ProviderIo } from './spec.ts'
import { transportError } from './transport-error.ts'

/** Bytes an answer may have, and bytes of an error answer that are read at all. */
const answerLimit = 32 * 1024 * 1024
const errorLimit = 64 * 1024
/** Bytes that may wait for a busy consumer before the socket is paused. */
const queueLimit = 1024 * 1024
/** What may follow the last useful byte (the closing chunk of the framing) for the connection to be kept. */
const lingerMs = 1_000
const lingerLimit = 64 * 1024
/** What answers under way bring within this time is read together (docs/decisions: chunks are read together). */
const togetherMs = 2

/** And no more than so many at once: a crowd that waits for its last one would be late. */
const togetherMost = 32

const newsOfAll = new Pacer(togetherMs, togetherMost)

export interface HttpRequest {
  method: 'GET' | 'POST'
  url: string
  headers: Record<string, string>
  /** Sent as JSON. */
  body?: unknown
  /** Milliseconds from sending to the first part. */
  firstMs: number
  /** Makes the error of an answer whose status is not 2xx. `body` is its beginning, at most 64 KiB. */
  toError(status: number, headers: IncomingHttpHeaders, body: string): AppError
}

/** An answer with status 2xx under way. Whoever holds it calls `release` (all that mattered was read) or `abort`. */
export interface HttpAnswer {
  headers: IncomingHttpHeaders
  /**
   * The chunks that came since the last call, `pending` while there are none, `ended` when none will follow. Throws
   * AppError: upstream-timeout, upstream-unreachable, upstream-malformed (over 32 MiB), cancelled.
   */
  take(): Buffer[] | 'pending' | 'ended'
  /**
   * Calls back once, when `take` has something else to say than `pending`. Who is patient is told of chunks together with
   * all others who are, at most 2 ms later.
   */
  onNews(callback: () => void, isPatient?: boolean): void
  /** Tells that a part was made of what was read: from now on the time between parts counts. */
  progressed(): void
  /** Nothing more is wanted and all went well: the connection is kept if the answer ends at once. */
  release(): void
  /** Nothing more is wanted: the connection is closed if the answer has not ended. */
  abort(): void
}

/**
 * Sends one request and waits for the head of its answer. Redirects are not followed: a 3xx is an error answer.
 *
 * Throws AppError: upstream-timeout, upstream-unreachable, upstream-malformed, cancelled, or what `toError` makes of
 * the status. When it throws, no connection of this request stays open.
 */
export async function sendHttp(request: HttpRequest, io: ProviderIo): Promise<HttpAnswer> {
  const exchange = new Exchange(io, request.firstMs)
  exchange.send(request)
  await exchange.head()
  if (exchange.status >= 200 && exchange.status < 300) return exchange
  const body = await exchange.readUpTo(errorLimit)
  throw request.toError(exchange.status, exchange.headers, body)
}

/** The rest of an answer as one text, without a byte order mark. Throws what `take` throws. */
export async function readText(answer: HttpAnswer): Promise<string> {
  const chunks: Buffer[] = []
  for (;;) {
    const taken = answer.take()
    if (taken === 'ended') {
      const text = (chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)).toString('utf8')
      return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text
    }
    if (taken === 'pending') await new Promise<void>((resolve) => answer.onNews(resolve))
    else chunks.push(...taken)
  }
}

const targets = new Map<string, { origin: string; path: string }>()

/** A URL cut as it is asked for. Upstreams have few, and parsing one costs as much as a part. */
function targetOf(text: string): { origin: string; path: string } | undefined {
  const known = targets.get(text)
  if (known) return known
  const url = URL.parse(text)
  if (!url) return undefined
  const target = { origin: url.origin, path: url.pathname + url.search }
  if (targets.size >= 1_000) targets.clear()
  targets.set(text, target)
  return target
}

/** An upstream set up with headers of its own has its say on all but the type. */
function headersOf(given: Record<string, string>, hasBody: boolean): Record<string, string> {
  const headers: Record<string, string> = { 'accept-encoding': 'identity', ...given }
  if (hasBody) headers['content-type'] = 'application/json'
  return headers
}

class Exchange implements Requester, HttpAnswer {
  status = 0
  headers: IncomingHttpHeaders = {}
  readonly #io: ProviderIo
  readonly #firstMs: number
  #sent: SentRequest | undefined
  #chunks: Buffer[] = []
  #queued = 0
  #paused = false
  #isPatient = false
  /** It is going to be told of the chunks it has. */
  #isNoticed = false
  #received = 0
  #ended = false
  #discarding = false
  #failure: AppError | undefined
  #wake: (() => void) | undefined
  #timer: NodeJS.Timeout | undefined
  /** When the timer rings, and when it has something to say: the second may have moved on since it was set. */
  #ringsAt = 0
  #dueAt = 0
  #phase: 'connect' | 'first' | 'between' = 'connect'
  #progressAt = 0

  constructor(io: ProviderIo, firstMs: number) {
    this.#io = io
    this.#firstMs = firstMs
  }

  send(request: HttpRequest): void {
    const { signal, http, timeouts } = this.#io
    const target = targetOf(request.url)
    if (signal.aborted || !target) {
      this.#fail(signal.aborted ? cancelled() : transportError(new Error('The upstream’s URL is not valid')))
      return
    }
    signal.addEventListener('abort', this.#onAbort, { once: true })
    this.#arm(timeouts.connectMs)
    const body = request.body === undefined ? undefined : encodeJson(request.body)
    const headers = headersOf(request.headers, body !== undefined)
    const { origin, path } = target
    this.#sent = http.send(origin, { path, method: request.method, headers, body }, this)
  }

  /** Resolves when `status` and `headers` are there; rejects with the failure. */
  head(): Promise<void> {
    return new Promise((resolve, reject) => {
      const tell = () => (this.#failure ? reject(this.#failure) : resolve())
      if (this.status !== 0 || this.#failure) tell()
      else this.#wake = tell
    })
  }

  take(): Buffer[] | 'pending' | 'ended' {
    if (this.#chunks.length > 0) {
      const chunks = this.#chunks
      this.#chunks = []
      this.#queued = 0
      if (this.#paused) {
        this.#paused = false
        this.#sent?.resume(this)
      }
      return chunks
    }
    if (this.#failure) throw this.#failure
    return this.#ended ? 'ended' : 'pending'
  }

  onNews(callback: () => void, isPatient = false): void {
    this.#wake = callback
    this.#isPatient = isPatient
  }

  async readUpTo(limit: number): Promise<string> {
    const chunks: Buffer[] = []
    let size = 0
    // An error answer that breaks off is still the answer its status says.
    while (size < limit && (this.#chunks.length > 0 || !(this.#ended || this.#failure))) {
      if (this.#chunks.length === 0) await this.#wait()
      for (const chunk of this.#chunks.splice(0)) {
        chunks.push(chunk)
        size += chunk.length
      }
    }
    if (this.#failure?.code === 'cancelled') throw this.#failure
    if (!this.#ended) this.abort()
    return Buffer.concat(chunks).subarray(0, limit).toString('utf8')
  }

  progressed(): void {
    this.#progressAt = performance.now()
    if (this.#phase === 'between' || this.#ended || this.#failure) return
    this.#phase = 'between'
    this.#arm(this.#io.timeouts.betweenPartsMs)
  }

  release(): void {
    if (this.#ended || this.#failure) return
    this.#discarding = true
    this.#received = 0
    this.#chunks = []
    this.#io.signal.removeEventListener('abort', this.#onAbort)
    this.#arm(lingerMs)
    this.#sent?.resume(this)
  }

  abort(): void {
    this.#fail(cancelled())
  }

  onSent(): void {
    this.#phase = 'first'
    this.#arm(this.#firstMs)
  }

  onHead(status: number, headers: IncomingHttpHeaders): void {
    this.status = status
    this.headers = headers
    const encoding = headers['content-encoding']
    if (encoding !== undefined && encoding !== 'identity')
      this.#fail(new AppError('upstream-malformed', 'The upstream compressed its answer without being asked'))
    this.#notify()
  }

  onBody(chunk: Buffer): void {
    this.#received += chunk.length
    if (this.#discarding) {
      if (this.#received > lingerLimit) this.abort()
      return
    }
    if (this.#received > answerLimit) {
      this.#fail(new AppError('upstream-malformed', 'The upstream’s answer is larger than 32 MiB'))
      return
    }
    this.#chunks.push(chunk)
    this.#queued += chunk.length
    if (this.#queued > queueLimit && !this.#paused) {
      this.#paused = true
      this.#sent?.pause(this)
    }
    if (!this.#isPatient) this.#notify()
    else if (!this.#isNoticed) {
      this.#isNoticed = true
      newsOfAll.run(this.#onTurn)
    }
  }

  onEnd(): void {
    this.#ended = true
    this.#cleanUp()
    this.#notify()
  }

  onError(error: Error): void {
    this.#fail(transportError(error))
  }

  #fail(error: AppError): void {
    if (this.#ended || this.#failure) return
    this.#failure = error
    // What came before a broken connection is still good; after a cancel nobody wants it.
    if (error.code === 'cancelled') this.#chunks = []
    this.#cleanUp()
    this.#sent?.abort(this)
    this.#notify()
  }

  readonly #onAbort = (): void => this.#fail(cancelled())

  readonly #onTimer = (): void => {
    this.#timer = undefined
    const early = this.#dueAt - performance.now()
    if (early > 0) {
      this.#arm(early)
      return
    }
    const { connectMs, betweenPartsMs } = this.#io.timeouts
    if (this.#discarding) this.abort()
    else if (this.#phase === 'connect') this.#fail(timedOut(`did not connect within ${connectMs} ms`))
    else if (this.#phase === 'first') this.#fail(timedOut(`sent no answer within ${this.#firstMs} ms`))
    else {
      // A consumer that is busy itself is not the upstream's fault.
      const since = this.#wake ? this.#progressAt : performance.now()
      const left = since + betweenPartsMs - performance.now()
      if (left > 0) this.#arm(left)
      else this.#fail(timedOut(`stopped in the middle of its answer for ${betweenPartsMs} ms`))
    }
  }

  #arm(ms: number): void {
    this.#dueAt = performance.now() + ms
    // One timer serves an exchange whose deadlines only move on, as nearly all do.
    if (this.#timer !== undefined && this.#ringsAt <= this.#dueAt) return
    clearTimeout(this.#timer)
    this.#ringsAt = this.#dueAt
    this.#timer = setTimeout(this.#onTimer, Math.ceil(ms))
  }

  #cleanUp(): void {
    clearTimeout(this.#timer)
    this.#io.signal.removeEventListener('abort', this.#onAbort)
  }

  #wait(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }

  readonly #onTurn = (): void => {
    this.#isNoticed = false
    this.#notify()
  }

  #notify(): void {
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }
}

function cancelled(): AppError {
  return new AppError('cancelled', 'The turn was cancelled')
}

function timedOut(what: string): AppError {
  return new AppError('upstream-timeout', `The upstream ${what}`)
}
