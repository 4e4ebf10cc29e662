import { addDelays } from './clock.ts'
import { chatRequest, openConnection } from './load-connection.ts'
import type { StreamsJob, StreamsResult } from './load-jobs.ts'
import { Samples } from './statistics.ts'

const GRACE_MS = 10_000
const STREAM_MS = 1320
const PACE_MS = 20
const CONTENT = Buffer.from('"content":"')
const QUOTE = 34

/**
 * Keeps `concurrency` paced streams open for the duration, then lets the last ones end. Starts are spread over the life of
 * a stream and each restart waits a random part of one pace, or else starts would lock onto the ticks of the mock.
 */
export function runStreams(job: StreamsJob): Promise<StreamsResult> {
  const request = chatRequest(job.target, job.model, true, 256)
  const firstTokens = new Samples()
  const gaps = new Samples()
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
      resolve({
        ...result,
        firstTokenMs: firstTokens.percentiles(),
        gapMs: gaps.percentiles(),
        delayMs: delays.percentiles(),
      })
    }

    function leave(): void {
      running -= 1
      if (running === 0) finish()
    }

    function startReader(): void {
      let sentAt = 0
      let lastAt = 0
      let hasToken = false

      function send(): void {
        sentAt = performance.now()
        lastAt = 0
        hasToken = false
        connection.send(request)
      }

      function readFrames(bytes: Buffer): void {
        const now = performance.now()
        const contentFrames = countContentFrames(bytes)
        result.contentFrames += contentFrames
        if (job.model === 'clocked') addDelays(bytes, delays)
        if (contentFrames === 0) return
        if (!hasToken) {
          hasToken = true
          firstTokens.add(now - sentAt)
        }
        if (lastAt > 0 && now > lastAt + 0.05) gaps.add(now - lastAt)
        lastAt = now
      }

      const connection = openConnection(job.target, {
        body: readFrames,
        end: () => {
          result.streams += 1
          if (performance.now() >= stopAt) leave()
          else setTimeout(send, Math.random() * PACE_MS)
        },
        failed: (reason) => {
          result.errors += 1
          result.firstError ??= reason
          leave()
        },
      })
      closers.push(connection.close)
      send()
    }

    for (let reader = 0; reader < job.concurrency; reader += 1) {
      setTimeout(startReader, (reader / job.concurrency) * STREAM_MS)
    }
  })
}

function countContentFrames(bytes: Buffer): number {
  let count = 0
  for (let at = bytes.indexOf(CONTENT); at >= 0; at = bytes.indexOf(CONTENT, at + CONTENT.length)) {
    if (bytes[at + CONTENT.length] !== QUOTE) count += 1
  }
  return count
}
