import { AppError } from '#errors/index.ts'
import { type HttpRequest, readText, sendHttp } from './http.ts'
import type { ModelPart, ProviderIo } from './spec.ts'
import { sseDecoder } from './sse.ts'

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
 * asked for or not, goes through `readWhole`.
 */
export async function* runCall(
  request: HttpRequest,
  io: ProviderIo,
  reader: EventReader,
  readWhole: (body: string) => ModelPart[],
): AsyncGenerator<ModelPart[]> {
  const answer = await sendHttp(request, io)
  let good = false
  try {
    const type = answer.headers['content-type'] ?? ''
    if (type.includes('text/html')) throw new AppError('upstream-malformed', 'The upstream answered with an HTML page')
    const asked = request.headers.accept === 'application/json'
    if (type.includes('application/json') || (asked && !type.includes('text/event-stream'))) {
      const parts = readWhole(await readText(answer))
      good = true
      yield parts
      return
    }
    let parts: ModelPart[] = []
    const decoder = sseDecoder((data, event) => {
      if (!reader.done) reader.readEvent(data, event, parts)
    })
    while (!reader.done) {
      const chunks = await answer.read()
      if (!chunks) break
      try {
        for (const chunk of chunks) decoder.push(chunk)
      } finally {
        // What came before a broken event, in the same packet, is still good.
        const ready = parts
        parts = []
        if (ready.length > 0) yield ready
      }
      answer.progressed()
    }
    const last = reader.finish()
    good = true
    yield [last]
  } finally {
    if (good) answer.release()
    else answer.abort()
  }
}
