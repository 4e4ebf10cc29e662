import { AppError } from '#errors/index.ts'
import { type HttpAnswer, type HttpRequest, readText, sendHttp } from './http.ts'
import type { ModelPart, ProviderIo } from './spec.ts'
import { type SseDecoder, sseDecoder } from './sse.ts'

/** A protocol's reader of one streamed answer. Its methods throw AppError. */
export interface EventReader {
  /** True once the protocol's own last event was read. */
  done: boolean
  /** One event → parts, appended to `out`. */
  readEvent(data: string, event: string, out: ModelPart[]): void
  /** The `finish` part; throws `upstream-malformed` when the answer did not say how it finished. */
  finish(): ModelPart
}

/**
 * Sends one model call and yields what comes of it, as Provider.streamModel promises. An answer that comes whole,
 * asked for or not, goes through `readWhole`. Written by hand and without a promise of its own, because a generator would
 * cost more for each packet than reading it.
 */
export function runCall(
  request: HttpRequest,
  io: ProviderIo,
  reader: EventReader,
  readWhole: (body: string) => ModelPart[],
): AsyncIterableIterator<ModelPart[]> {
  return new Call(request, io, reader, readWhole)
}

type Result = IteratorResult<ModelPart[]>

class Call implements AsyncIterableIterator<ModelPart[]> {
  private readonly request: HttpRequest
  private readonly io: ProviderIo
  private readonly reader: EventReader
  private readonly readWhole: (body: string) => ModelPart[]
  private decoder: SseDecoder | undefined
  private answer: HttpAnswer | undefined
  private parts: ModelPart[] = []
  /** Thrown when the parts before it have been taken. */
  private failure: unknown
  private over = false
  private hasGiven = false
  private asked: PromiseWithResolvers<Result> | undefined

  constructor(request: HttpRequest, io: ProviderIo, reader: EventReader, readWhole: (body: string) => ModelPart[]) {
    this.request = request
    this.io = io
    this.reader = reader
    this.readWhole = readWhole
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<Result> {
    if (!this.answer && !this.over) return this.begin()
    // Whoever asks again is done with what it was given: the time since then is the upstream's.
    if (this.asked === undefined) this.answer?.progressed()
    return this.continue()
  }

  return(): Promise<Result> {
    if (!this.over) this.end(false)
    return ended
  }

  private async begin(): Promise<Result> {
    try {
      const answer = await sendHttp(this.request, this.io)
      this.answer = answer
      if (this.over) {
        answer.abort()
        return finished
      }
      const type = answer.headers['content-type'] ?? ''
      if (type.includes('text/html'))
        throw new AppError('upstream-malformed', 'The upstream answered with an HTML page')
      const asked = this.request.headers.accept === 'application/json'
      if (!type.includes('application/json') && (!asked || type.includes('text/event-stream')))
        return await this.continue()
      const parts = this.readWhole(await readText(answer))
      this.end(true)
      return { done: false, value: parts }
    } catch (thrown) {
      if (!this.over) this.end(false)
      throw thrown
    }
  }

  private continue(): Promise<Result> {
    const asked = Promise.withResolvers<Result>()
    this.asked = asked
    this.look()
    return asked.promise
  }

  /** Answers what was asked, now or when the upstream has sent more. */
  private readonly look = (): void => {
    const { asked } = this
    if (!asked) return
    try {
      const result = this.take()
      if (!result) {
        // The first words are awaited; what follows may come with that of others.
        this.answer!.onNews(this.look, this.hasGiven)
        return
      }
      this.asked = undefined
      asked.resolve(result)
    } catch (thrown) {
      if (!this.over) this.end(false)
      this.asked = undefined
      asked.reject(thrown)
    }
  }

  private take(): Result | undefined {
    if (this.over) return finished
    if (this.failure !== undefined) throw this.failure
    const { answer, reader } = this
    while (!reader.done) {
      const taken = answer!.take()
      if (taken === 'pending') return undefined
      if (taken === 'ended') break
      this.decode(taken)
      if (this.parts.length > 0) {
        const value = this.parts
        this.parts = []
        this.hasGiven = true
        return { done: false, value }
      }
      if (this.failure !== undefined) throw this.failure
      answer!.progressed()
    }
    const last = reader.finish()
    this.end(true)
    return { done: false, value: [last] }
  }

  /** What came before a broken event, in the same packet, is still good. */
  private decode(chunks: Buffer[]): void {
    const { reader } = this
    this.decoder ??= sseDecoder((data, event) => {
      if (!reader.done) reader.readEvent(data, event, this.parts)
    })
    try {
      for (const chunk of chunks) this.decoder.push(chunk)
    } catch (thrown) {
      this.failure = thrown
    }
  }

  private end(good: boolean): void {
    this.over = true
    if (good) this.answer?.release()
    else this.answer?.abort()
  }
}

const finished = { done: true as const, value: undefined }
const ended = Promise.resolve(finished)
