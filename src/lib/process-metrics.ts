import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import type { Metrics } from './metrics.ts'

const resolutionMs = 20

/** Memory, processor time and the event loop of this process, under the names that dashboards for Node know. */
export function processMetrics(metrics: Metrics): void {
  const { gauge, total } = metrics
  gauge('process_resident_memory_bytes', 'Memory that the process holds.', [], () => [[process.memoryUsage.rss()]])
  gauge('nodejs_heap_size_used_bytes', 'Of the heap, what is used.', [], () => [[process.memoryUsage().heapUsed]])
  gauge('nodejs_heap_size_total_bytes', 'The heap.', [], () => [[process.memoryUsage().heapTotal]])
  gauge('nodejs_external_memory_bytes', 'Buffers outside of the heap.', [], () => [[process.memoryUsage().external]])
  total('process_cpu_seconds_total', 'Processor time.', [], () => {
    const { user, system } = process.cpuUsage()
    return [[(user + system) / 1e6]]
  })
  total('nodejs_eventloop_busy_seconds_total', 'Time in which the event loop was not idle.', [], () => [
    [performance.eventLoopUtilization().active / 1000],
  ])
  // Watching costs fifty timers a second, so it begins with the first who asks.
  let watched: ReturnType<typeof monitorEventLoopDelay> | undefined
  gauge(
    'nodejs_eventloop_lag_seconds',
    'How late timers were, since the last time this was asked.',
    ['quantile'],
    () => {
      if (!watched) {
        watched = monitorEventLoopDelay({ resolution: resolutionMs })
        watched.enable()
        return []
      }
      const late = (nanoseconds: number) => Math.max(0, nanoseconds / 1e9 - resolutionMs / 1000)
      const samples: [number, string][] = [
        [late(watched.percentile(50)), '0.5'],
        [late(watched.percentile(99)), '0.99'],
        [late(watched.max), '1'],
      ]
      watched.reset()
      return samples
    },
  )
}
