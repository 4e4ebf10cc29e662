import { AppError } from '#errors/index.ts'
import { BatchSource } from '#lib/batches.ts'
import { type HttpAnswer, type HttpRequest, readText, sendHttp } from './http.ts'
import type { InputUsage, ModelPart, ModelStream, ProviderIo } from './spec.ts'
import { type SseDecoder, sseDecoder } from './sse.ts'

/** A protocol's reader of one streamed answer. Its methods throw AppError. */
export interface EventReader {
  /** True once the protocol's own last event was read. */
  done: boolean
  /** One event → parts, appended to `out`. */
  readEvent(data: string, event: string, out: ModelPart[]): void
  /** The `finish` part; throws `upstream-malformed` when the answer did not say how it finished. */
  finish(): ModelPart
  /** As ModelStream. */
  readonly toldInput: InputUsage | undefined
}

/**
 * Sends one model call, when it is first asked for parts, and gives what comes of it, as Provider.streamModel promises. An
 * answer that comes whole, asked for or not, goes through `readWhole`.
 */
export function runCall(
  request: HttpRequest,
  io: ProviderIo,
  reader: EventReader,
  readWhole: (body: string) => ModelPart[],
): BatchSource<ModelPart> & ModelStream {
  return new Call(request, io, reader, readWhole)
}

class Call extends BatchSource<ModelPart> implements ModelStream {
  private readonly request: HttpRequest
  private readonly io: ProviderIo
  private readonly reader: EventReader
  private readonly readWhole: (body: string) => ModelPart[]
  private decoder: SseDecoder | undefined
  private isSent = false
  private answer: HttpAnswer | undefined
  private parts: ModelPart[] = []
  /** `parts` are all there will be. */
  private isWhole = false
  /** Thrown when the parts before it have been taken. */
  private failure: unknown
  private isOver = false
  private hasGiven = false

  constructor(request: HttpRequest, io: ProviderIo, reader: EventReader, readWhole: (body: string) => ModelPart[]) {
    super()
    this.request = request
    this.io = io
    this.reader = reader
    this.readWhole = readWhole
  }

  get toldInput(): InputUsage | undefined {
    return this.reader.toldInput
  }

  override leave(): void {
    if (!this.isOver) this.end(false)
  }

  protected override take(): ModelPart[] | 'pending' | 'ended' {
    try {
      return this.read()
    } catch (thrown) {
      this.leave()
      throw thrown
    }
  }

  private read(): ModelPart[] | 'pending' | 'ended' {
    if (this.isOver) return 'ended'
    const { answer, reader } = this
    if (this.isWhole) {
      this.end(true)
      return this.parts
    }
    if (this.failure !== undefined) throw this.failure
    if (!answer) {
      if (!this.isSent) this.send()
      return 'pending'
    }
    while (!reader.done) {
      const taken = answer.take()
      if (taken === 'pending') {
        // Whoever asks again is done with what it was given: from now on the time is the upstream's.
        if (this.hasGiven) answer.progressed()
        // The first words are awaited; what follows may come with that of others.
        answer.onNews(this.onNews, this.hasGiven)
        return taken
      }
      if (taken === 'ended') break
      this.decode(taken)
      if (this.parts.length > 0) {
        const { parts } = this
        this.parts = []
        // The first words have come in time, however long it takes to make use of them.
        if (!this.hasGiven) answer.progressed()
        this.hasGiven = true
        return parts
      }
      if (this.failure !== undefined) throw this.failure
      answer.progressed()
    }
    const last = reader.finish()
    this.end(true)
    return [last]
  }

  private readonly onNews = (): void => this.look()

  private async send(): Promise<void> {
    this.isSent = true
    try {
      const answer = await sendHttp(this.request, this.io)
      if (this.isOver) {
        answer.abort()
        return
      }
      this.answer = answer
      const type = answer.headers['content-type'] ?? ''
      if (type.includes('text/html'))
        throw new AppError('upstream-malformed', 'The upstream answered with an HTML page')
      const asked = this.request.headers.accept === 'application/json'
      if (type.includes('application/json') || (asked && !type.includes('text/event-stream'))) {
        this.parts = this.readWhole(await readText(answer))
        this.isWhole = true
      }
    } catch (thrown) {
      this.failure = thrown
    }
    this.look()
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

  private end(isGood: boolean): void {
    this.isOver = true
    if (isGood) this.answer?.release()
    else this.answer?.abort()
  }
}
