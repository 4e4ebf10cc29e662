import { chatRequest, openConnection } from './load-connection.ts'
import type { RequestsJob, RequestsResult } from './load-jobs.ts'
import { Samples } from './statistics.ts'

const GRACE_MS = 10_000

/** A closed loop: each of `concurrency` connections sends its next request when the answer to the last one is complete. */
export function runRequests(job: RequestsJob): Promise<RequestsResult> {
  const request = chatRequest(job.target, 'instant', false, job.bodyBytes)
  const latencies = new Samples()
  const startedAt = performance.now()
  const stopAt = startedAt + job.durationMs
  let errors = 0
  let firstError: string | undefined
  let running = job.concurrency

  return new Promise((resolve) => {
    const closers: (() => void)[] = []
    const timeout = setTimeout(() => {
      errors += running
      firstError ??= 'answers still missing at the time limit'
      finish()
    }, job.durationMs + GRACE_MS)

    function finish(): void {
      clearTimeout(timeout)
      const elapsedMs = performance.now() - startedAt
      for (const close of closers) close()
      resolve({
        requests: latencies.count,
        errors,
        firstError,
        perSecond: (latencies.count * 1000) / elapsedMs,
        latencyMs: latencies.percentiles(),
      })
    }

    function leave(): void {
      running -= 1
      if (running === 0) finish()
    }

    function startWorker(): void {
      let sentAt = performance.now()
      const connection = openConnection(job.target, {
        body: () => {},
        end: () => {
          const now = performance.now()
          latencies.add(now - sentAt)
          if (now >= stopAt) return leave()
          sentAt = now
          connection.send(request)
        },
        failed: (reason) => {
          errors += 1
          firstError ??= reason
          leave()
        },
      })
      closers.push(connection.close)
      connection.send(request)
    }

    for (let worker = 0; worker < job.concurrency; worker += 1) startWorker()
  })
}
