import type { FastifyInstance } from 'fastify'
import type { Counter } from '#lib/metrics.ts'

/** Counts the requests that `scope` answers, by the class of their status, under the name of its door. */
export function countRequests(scope: FastifyInstance, requests: Counter, door: string): void {
  const [successes, redirects, refusals, faults] = ['2xx', '3xx', '4xx', '5xx'].map((status) =>
    requests.cell(door, status),
  )
  scope.addHook('onResponse', (_, { statusCode }, done) => {
    const cell = statusCode < 300 ? successes : statusCode < 400 ? redirects : statusCode < 500 ? refusals : faults
    cell!.value++
    done()
  })
}
