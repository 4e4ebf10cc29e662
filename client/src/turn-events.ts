import { isPassing, parleyError } from './errors.ts'
import type { Http } from './http.ts'
import type { Envelope } from './log-event.ts'
import { backoffMs, type Clock, type Surroundings } from './surroundings.ts'

export interface TurnEventsOptions {
  /** Events after this seq. Default: all. */
  after?: number
  signal?: AbortSignal
}

/** The server fills silence every 15 s: without that for so long, the connection is dead. */
const silenceMs = 45_000

/**
 * A turn's log to its end, through any number of connections. Throws a ParleyError when the turn cannot be shown, or
 * what `signal` was aborted with. Leave the loop to stop.
 */
export async function* turnEvents(
  turnId: string,
  { after = 0, signal }: TurnEventsOptions,
  { http, surroundings: { clock, random } }: { http: Http; surroundings: Surroundings },
): AsyncGenerator<Envelope, void, undefined> {
  let cursor = after
  let failures = 0
  for (;;) {
    const connection = new AbortController()
    const leave = () => connection.abort(signal?.reason)
    const unlessSilent = <T>(waited: Promise<T>): Promise<T> => {
      const timer = clock.setTimeout(() => connection.abort(), silenceMs)
      return waited.finally(() => clock.clearTimeout(timer))
    }
    signal?.addEventListener('abort', leave)
    let retryAfterMs: number | undefined
    try {
      signal?.throwIfAborted()
      const path = `/api/v1/turns/${encodeURIComponent(turnId)}/events`
      const headers = { accept: 'text/event-stream', 'last-event-id': String(cursor) }
      const response = await unlessSilent(http.open('GET', path, { headers, signal: connection.signal }))
      // What comes first may have an older number than we have seen, after a crash of the server (TURNS.md, Cursors).
      let seen = 0
      for await (const envelope of envelopes(response, unlessSilent)) {
        if (envelope.seq <= seen) continue
        seen = envelope.seq
        cursor = envelope.seq
        failures = 0
        yield envelope
        if (envelope.event.type === 'turn-end') return
      }
    } catch (thrown) {
      signal?.throwIfAborted()
      if (!isPassing(thrown)) throw thrown
      retryAfterMs = thrown.retryAfterMs
    } finally {
      signal?.removeEventListener('abort', leave)
      connection.abort()
    }
    await pause(retryAfterMs ?? backoffMs(++failures, random), clock, signal)
  }
}

/** The events of one answer, which may break off. Rejects with `connection_failed` then. */
async function* envelopes(
  response: Response,
  unlessSilent: <T>(waited: Promise<T>) => Promise<T>,
): AsyncGenerator<Envelope> {
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
  let buffer = ''
  for (;;) {
    const { done, value } = await unlessSilent(reader.read()).catch((thrown: unknown) => {
      throw parleyError('connection_failed', 'The connection broke', thrown)
    })
    if (done) return
    const frames = (buffer + value).split('\n\n')
    buffer = frames.pop()!
    for (const frame of frames) {
      const name = /^event: (.*)$/m.exec(frame)?.[1]
      const data = /^data: (.*)$/m.exec(frame)?.[1]
      // The stream itself cannot go on (the turn may): the next connection does.
      if (name === 'error') throw parleyError('connection_failed', data ?? 'The stream broke')
      if (data !== undefined) yield JSON.parse(data) as Envelope
    }
  }
}

function pause(ms: number, clock: Clock, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const go = () => {
      clock.clearTimeout(timer)
      signal?.removeEventListener('abort', go)
      resolve()
    }
    const timer = clock.setTimeout(go, ms)
    signal?.addEventListener('abort', go)
  })
}
