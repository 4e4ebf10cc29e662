/** From spawn to the first answered chat request: once on an empty data folder, then on the folder that is there. */
import { request } from 'undici'
import type { Bench, Scenario } from '../bench-context.ts'
import { freshDeployment, spawnServer, waitFor } from '../gateway.ts'
import type { Row } from '../row.ts'
import { median } from '../statistics.ts'
import type { Deployment, Subject } from '../subjects.ts'

const RESTARTS = 5
const ASK_EVERY_MS = 3

type Starts = { firstMs: number; laterMs: number }

export const runStart: Scenario = async (bench) => {
  const baseline = await measureStarts(bench, bench.baseline)
  const subject = await measureStarts(bench, bench.subject)
  bench.log(`  ${bench.subject.name}: first ${subject.firstMs.toFixed(0)} ms, later ${subject.laterMs.toFixed(0)} ms`)
  const row = (measure: string, of: (starts: Starts) => number): Row => ({
    measure,
    unit: 's',
    baseline: [of(baseline) / 1000],
    subject: [of(subject) / 1000],
    voids: [],
    notes: [],
  })
  return [
    {
      ...row('start to first answer, existing data', (starts) => starts.laterMs),
      target: { bound: 'at-most', limit: 1 },
    },
    { ...row('start to first answer, empty folder (one run)', (starts) => starts.firstMs) },
  ]
}

async function measureStarts(bench: Bench, subject: Subject): Promise<Starts> {
  const deployment = freshDeployment()
  const firstMs = await measureStart(bench, subject, deployment)
  const laterMs: number[] = []
  for (let restart = 0; restart < RESTARTS; restart += 1) laterMs.push(await measureStart(bench, subject, deployment))
  return { firstMs, laterMs: median(laterMs) }
}

async function measureStart(bench: Bench, subject: Subject, deployment: Deployment): Promise<number> {
  const server = await spawnServer(subject, { mockPort: bench.mock.port, deployment })
  try {
    await waitFor(server, ASK_EVERY_MS, async () => {
      const answer = await request(`http://127.0.0.1:${server.port}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${server.key}` },
        body: JSON.stringify({ model: 'instant', messages: [{ role: 'user', content: 'hello' }] }),
        reset: true,
      })
      await answer.body.dump()
      return answer.statusCode === 200
    })
    return performance.now() - server.spawnedAt
  } finally {
    await server.stop()
  }
}
