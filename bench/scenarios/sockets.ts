/** WebSockets: what an idle one holds, what a chunk costs over one compared with SSE, and how late tokens are on a thousand. */
import type { Bench, Scenario } from '../bench-context.ts'
import { warmUp } from '../bench-context.ts'
import { type Cost, findDisturbances, findFaults, measureCost } from '../cost.ts'
import { type Server, startServer } from '../gateway.ts'
import type { SocketStreamsJob, SocketStreamsResult, StreamsResult } from '../load-jobs.ts'
import { PACED_CONTENT_FRAMES } from '../mock-answers.ts'
import type { Row } from '../row.ts'
import { medianOf } from '../statistics.ts'
import { measureOpening } from './memory.ts'

const IDLE_COUNT = 10_000
const CROWD = 1000
const levels = [100, 400]
const encodings = ['json', 'messagepack'] as const
const nameOf = { json: 'JSON', messagepack: 'MessagePack' }

type Encoding = (typeof encodings)[number]
type Streamed = Pick<SocketStreamsResult, 'streams' | 'errors' | 'firstError' | 'delayMs'> & Cost

export const runSockets: Scenario = async (bench) => {
  if (bench.options.subject !== 'parley') return []
  const rows = [await measureIdle(bench)]
  const server = await startServer(bench.subject, { mockPort: bench.mock.port })
  try {
    await warmUp(bench, server, 'streams')
    for (const encoding of encodings) await overSocket(bench, server, encoding, 'paced', 200)
    for (const level of levels) rows.push(...(await compareWithSse(bench, server, level)))
    rows.push(...(await measureDelays(bench, server)))
  } finally {
    await server.stop()
  }
  return rows
}

async function measureIdle(bench: Bench): Promise<Row> {
  const { perOpenKb, failure } = await measureOpening(bench, bench.subject, 'sockets', IDLE_COUNT)
  bench.log(`  ${perOpenKb.toFixed(1)} KB per idle socket`)
  return {
    measure: `memory per idle WebSocket, ${IDLE_COUNT} open`,
    unit: 'KB',
    subject: [perOpenKb],
    target: { bound: 'at-most', limit: 12 },
    voids: failure ? [failure] : [],
    notes: [],
  }
}

async function compareWithSse(bench: Bench, server: Server, level: number): Promise<Row[]> {
  const sse: Streamed[] = []
  const sockets: Record<Encoding, Streamed[]> = { json: [], messagepack: [] }
  for (let round = 0; round < bench.options.rounds; round += 1) {
    sse.push(await overSse(bench, server, 'paced', level))
    for (const encoding of encodings) sockets[encoding].push(await overSocket(bench, server, encoding, 'paced', level))
  }
  return encodings.map((encoding) => {
    const costs = [cpuPerChunk(sse), cpuPerChunk(sockets[encoding])] as const
    bench.log(`  ${level} sockets, ${encoding}: CPU per chunk ${costs[1].toFixed(1)} µs, SSE ${costs[0].toFixed(1)} µs`)
    return {
      measure: `CPU per chunk over /chat, ${nameOf[encoding]}, ${level} sockets (baseline: SSE)`,
      unit: 'µs',
      baseline: [costs[0]],
      subject: [costs[1]],
      comparison: { kind: 'ratio', value: costs[1] / costs[0] },
      target: { bound: 'at-most', limit: 1.5 },
      voids: [...sse, ...sockets[encoding]].flatMap((round) => findFaults(round, round.streams)),
      notes: findDisturbances([...sse, ...sockets[encoding]]),
    }
  })
}

/** Each token carries the time of its sending; what the mock's own path takes is measured without Parley and taken off. */
async function measureDelays(bench: Bench, server: Server): Promise<Row[]> {
  const direct: Streamed[] = []
  const through: Record<Encoding, Streamed[]> = { json: [], messagepack: [] }
  for (let round = 0; round < bench.options.rounds; round += 1) {
    direct.push(await overSse(bench, undefined, 'clocked', CROWD))
    for (const encoding of encodings)
      through[encoding].push(await overSocket(bench, server, encoding, 'clocked', CROWD))
  }
  const p99 = (rounds: Streamed[]) => medianOf(rounds, (round) => round.delayMs.p99)
  const p50 = (rounds: Streamed[]) => medianOf(rounds, (round) => round.delayMs.p50)
  return encodings.map((encoding) => {
    const rounds = through[encoding]
    const busy = medianOf(rounds, (round) => round.cpuMicros / (round.wallMs * 1000))
    bench.log(
      `  ${CROWD} sockets, ${encoding}: p99 delay ${p99(rounds).toFixed(1)} ms, direct ${p99(direct).toFixed(1)} ms`,
    )
    return {
      measure: `delay of a token p50 / p99, ${CROWD} sockets × 50 tokens/s, ${nameOf[encoding]} (baseline: straight from the upstream)`,
      unit: 'ms',
      baseline: [p50(direct), p99(direct)],
      subject: [p50(rounds), p99(rounds)],
      comparison: { kind: 'added', value: p99(rounds) - p99(direct) },
      target: { bound: 'at-most', limit: 50 },
      voids: [...direct, ...rounds].flatMap((round) => findFaults(round, round.streams)),
      notes: [`core ${Math.round(busy * 100)} % busy`, ...findDisturbances(rounds)],
    }
  })
}

function overSse(
  bench: Bench,
  server: Server | undefined,
  model: 'paced' | 'clocked',
  concurrency: number,
): Promise<Streamed> {
  const { port, key } = server ?? { port: bench.mock.port, key: 'direct' }
  return measureCost<StreamsResult>(bench, server, () =>
    bench.load.run({ kind: 'streams', target: { port, key }, model, concurrency, durationMs: durationOf(bench) }),
  )
}

function overSocket(
  bench: Bench,
  server: Server,
  encoding: Encoding,
  model: SocketStreamsJob['model'],
  concurrency: number,
): Promise<Streamed> {
  const { port, key } = server
  const job = { kind: 'socket-streams', target: { port, key }, model, encoding, concurrency } as const
  return measureCost<SocketStreamsResult>(bench, server, () =>
    bench.load.run({ ...job, durationMs: durationOf(bench) }),
  )
}

function durationOf(bench: Bench): number {
  return bench.options.quick ? 1500 : 3000
}

/** Over the chunks that the upstream sent, as for SSE. */
function cpuPerChunk(rounds: Streamed[]): number {
  return medianOf(rounds, (round) => round.cpuMicros / (round.streams * PACED_CONTENT_FRAMES))
}
