import { Encoder } from '@msgpack/msgpack'
import { addDelays } from './clock.ts'
import type { SocketStreamsJob, SocketStreamsResult } from './load-jobs.ts'
import { openSocket } from './load-socket.ts'
import { Samples } from './statistics.ts'

const GRACE_MS = 15_000
const STREAM_MS = 1320
const PACE_MS = 20
const CHUNK = Buffer.from('chunk')
const ERROR = Buffer.from('error_type')
/** The last frame of an answer has the whole of it; no other frame has a time of creation. */
const MESSAGE = Buffer.from('created_at')

/**
 * Keeps `concurrency` sockets of /chat busy with paced answers, one after the other, for the duration; then lets the last
 * ones end. Starts are spread as those of `runStreams`.
 */
export function runSocketStreams(job: SocketStreamsJob): Promise<SocketStreamsResult> {
  const ask = { type: 'message', role: 'user', content: 'Say something long.', model: job.model }
  const asBytes = new Encoder().encode(ask)
  const asText = JSON.stringify(ask)
  const delays = new Samples()
  const stopAt = performance.now() + STREAM_MS + job.durationMs
  const result = { streams: 0, contentFrames: 0, errors: 0, firstError: undefined as string | undefined }
  let running = job.concurrency

  return new Promise((resolve) => {
    const closers: (() => void)[] = []
    const timeout = setTimeout(() => {
      result.errors += running
      result.firstError ??= 'streams still open at the time limit'
      finish()
    }, job.durationMs + GRACE_MS)

    function finish(): void {
      clearTimeout(timeout)
      for (const close of closers) close()
      resolve({ ...result, delayMs: delays.percentiles() })
    }

    function leave(): void {
      running -= 1
      if (running === 0) finish()
    }

    function startClient(): void {
      const send = () => (job.encoding === 'json' ? socket.sendText(asText) : socket.sendBytes(asBytes))
      const failed = (reason: string) => {
        result.errors += 1
        result.firstError ??= reason
        leave()
      }
      const socket = openSocket(job.target, '/chat', {
        open: () => send(),
        frame: (payload) => {
          if (payload.includes(ERROR)) return failed(payload.toString('latin1').slice(0, 200))
          if (!payload.includes(MESSAGE)) {
            if (payload.includes(CHUNK)) result.contentFrames += 1
            addDelays(payload, delays)
            return
          }
          result.streams += 1
          if (performance.now() >= stopAt) leave()
          else setTimeout(send, Math.random() * PACE_MS)
        },
        failed,
      })
      closers.push(socket.close)
    }

    for (let client = 0; client < job.concurrency; client += 1) {
      setTimeout(startClient, (client / job.concurrency) * STREAM_MS)
    }
  })
}
