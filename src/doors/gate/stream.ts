import type { FastifyReply } from 'fastify'
import type { Envelope, TurnState } from '#contracts/index.ts'
import { type AppError, toAppError } from '#errors/index.ts'
import { keepAlive, ndjsonHeaders, pump, responseSink, sseHeaders, ssePing } from '#wire/index.ts'
import { opening } from './opening.ts'

/** How long a failure may still become an HTTP status; longer, and proxies would begin to doubt that we live. */
const openingMs = 15_000
const pingEveryMs = 15_000
/** A client that has not taken a byte for so long is gone, or might as well be. */
const stalledMs = 60_000

/** A turn's events on their way out as text. */
export interface StreamedAnswer {
  /** A reader of the events to show, each time from the first one on. */
  read(): AsyncIterableIterator<Envelope[]>
  headers: Record<string, string>
  encode(batch: Envelope[]): string
  /** The turn is shown as it is, also one that failed before it answered: nothing of it becomes an HTTP status. */
  whatever?: boolean
  /** The last words when the stream itself fails (not the turn: that is an event). */
  failed(error: AppError): string
}

interface Framing {
  headers: Record<string, string>
  /** What keeps a silent stream open, where the framing has something that clients ignore. */
  ping?: string
}

/** Answers with a turn's events as server-sent events; see `stream`. */
export function streamSse(reply: FastifyReply, answer: StreamedAnswer): Promise<void> {
  return stream(reply, answer, { headers: sseHeaders, ping: ssePing })
}

/** Answers with a turn's events as lines of JSON; see `stream`. */
export function streamNdjson(reply: FastifyReply, answer: StreamedAnswer): Promise<void> {
  return stream(reply, answer, { headers: ndjsonHeaders })
}

/**
 * Answers with a turn's events, to their end or until the client leaves. Throws, before any byte is written, what the
 * turn failed with before it began to answer.
 */
async function stream(reply: FastifyReply, answer: StreamedAnswer, framing: Framing): Promise<void> {
  const response = reply.raw
  const events = answer.read()
  const first = answer.whatever ? undefined : answer.read()
  const leave = () => {
    void first?.return?.()
    void events.return?.()
  }
  // The response, not the request: its close is the only one that is told for every way of leaving.
  response.once('close', leave)
  if (response.destroyed) leave()
  try {
    if (first) await opening(first, openingMs)
  } catch (thrown) {
    leave()
    throw thrown
  }
  reply.hijack()
  if (response.destroyed) return leave()
  const head = reply.getHeaders() as Record<string, string | number>
  response.writeHead(200, { ...head, ...answer.headers, ...framing.headers })
  if (reply.request.method === 'HEAD') {
    response.end()
    return leave()
  }
  response.socket?.setNoDelay(true)
  const sink = responseSink(response)
  if (framing.ping !== undefined) keepAlive(response, sink, framing.ping, pingEveryMs)
  try {
    await pump(events, sink, { encode: answer.encode, stalledMs })
  } catch (thrown) {
    const error = toAppError(thrown)
    if (error.code === 'internal') reply.log.error({ err: error.cause ?? error }, 'a stream failed')
    if (!response.destroyed) sink.write(answer.failed(error))
    // Its buffer is full and nobody empties it: ending politely would wait for ever.
    if (error.code === 'consumer-too-slow') response.destroy()
  }
  leave()
  sink.finish()
}

/** A turn's final state for a client that waits for it; when the client leaves, the turn has one reader less. */
export async function resultOrLeave(reply: FastifyReply, turn: Waitable): Promise<TurnState> {
  const { result, leave } = turn.wait()
  // Leaving twice is leaving once, so the listener stays: taking it away would cost more than hearing of every end.
  reply.raw.on('close', leave)
  // Who had left before is not told of again.
  if (reply.raw.destroyed) leave()
  try {
    return await result
  } finally {
    leave()
  }
}

interface Waitable {
  wait(): { result: Promise<TurnState>; leave(): void }
}
