/** Memory after start and per open stream; a fresh process for each figure, because heaps keep what they took. */
import { setTimeout as delay } from 'node:timers/promises'
import { request } from 'undici'
import type { Bench, Scenario } from '../bench-context.ts'
import { type Server, startServer } from '../gateway.ts'
import type { OpenJob } from '../load-jobs.ts'
import type { Row } from '../row.ts'
import { medianOf } from '../statistics.ts'
import type { Subject } from '../subjects.ts'

const OPEN_COUNT = 1000
const WARM_COUNT = 20
const SETTLE_MS = 1500

type Opening = { afterStartMb: number; perOpenKb: number; failure?: string }

export const runMemory: Scenario = async (bench) => {
  const baseline: Opening[] = []
  const subject: Opening[] = []
  for (let round = 0; round < bench.options.rounds; round += 1) {
    baseline.push(await measureOpening(bench, bench.baseline, 'hold', OPEN_COUNT))
    subject.push(await measureOpening(bench, bench.subject, 'hold', OPEN_COUNT))
    const { afterStartMb, perOpenKb } = subject[round]!
    bench.log(`  round ${round + 1}: ${afterStartMb.toFixed(0)} MB after start, ${perOpenKb.toFixed(1)} KB per stream`)
  }
  return toRows(baseline, subject)
}

/** Opens `count` streams or sockets to a server that has been started before: on its first start it also makes its data folder. */
export async function measureOpening(
  bench: Bench,
  subject: Subject,
  kind: OpenJob['kind'],
  count: number,
): Promise<Opening> {
  const first = await startServer(subject, { mockPort: bench.mock.port })
  await first.stop()
  const server = await startServer(subject, { mockPort: bench.mock.port, deployment: first.deployment })
  try {
    await delay(SETTLE_MS)
    const afterStartMb = server.rssKilobytes() / 1024
    const { port, key } = server
    const token = kind === 'sockets' ? await logIn(server) : ''
    const openJob = (count: number): OpenJob => ({ kind, target: { port, key }, count, token })
    await bench.load.run(openJob(WARM_COUNT))
    await bench.load.run({ kind: 'release' })
    await delay(SETTLE_MS)
    const before = server.rssKilobytes()
    const { errors, firstError } = await bench.load.run(openJob(count))
    await delay(SETTLE_MS)
    server.assertAlive()
    const perOpenKb = (server.rssKilobytes() - before) / count
    return { afterStartMb, perOpenKb, failure: errors > 0 ? `${errors} not opened, first: ${firstError}` : undefined }
  } finally {
    await bench.load.run({ kind: 'release' })
    await server.stop()
  }
}

/** A JWT of the owner; an empty one when the server does not let the owner in, so that the row says what the socket said. */
async function logIn(server: Server): Promise<string> {
  const { email, password } = server.deployment
  const answer = await request(`http://127.0.0.1:${server.port}/api/v1/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email, password }),
  })
  const text = await answer.body.text()
  if (answer.statusCode !== 200) return ''
  return (JSON.parse(text) as { data: { access_token: string } }).data.access_token
}

function toRows(baseline: Opening[], subject: Opening[]): Row[] {
  const failures = (openings: Opening[]) => openings.flatMap((opening) => opening.failure ?? [])
  const afterStart = (openings: Opening[]) => medianOf(openings, (opening) => opening.afterStartMb)
  const perOpen = (openings: Opening[]) => medianOf(openings, (opening) => opening.perOpenKb)
  return [
    {
      measure: 'memory after start (RSS), existing data',
      unit: 'MB',
      baseline: [afterStart(baseline)],
      subject: [afterStart(subject)],
      target: { bound: 'at-most', limit: 120 },
      voids: [],
      notes: [],
    },
    {
      measure: `memory per open stream, ${OPEN_COUNT} open`,
      unit: 'KB',
      baseline: [perOpen(baseline)],
      subject: [perOpen(subject)],
      target: { bound: 'at-most', limit: 60 },
      voids: failures([...baseline, ...subject]),
      notes: [],
    },
  ]
}
