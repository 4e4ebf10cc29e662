/** Whole JSON answers: throughput, CPU and added latency, and whether each request is in the database afterwards. */
import type { Bench, Scenario } from '../bench-context.ts'
import { type ChatPair, startPair } from '../chat-pair.ts'
import { type Cost, findDisturbances, findFaults, measureCost } from '../cost.ts'
import type { Server } from '../gateway.ts'
import type { RequestsResult } from '../load-jobs.ts'
import type { Row } from '../row.ts'
import { medianOf } from '../statistics.ts'

type Point = { concurrency: number; bodyBytes: number; isJudged?: boolean }
type Round = RequestsResult & Cost

const points: Point[] = [
  { concurrency: 1, bodyBytes: 256 },
  { concurrency: 10, bodyBytes: 256 },
  { concurrency: 16, bodyBytes: 256, isJudged: true },
  { concurrency: 64, bodyBytes: 256, isJudged: true },
  { concurrency: 128, bodyBytes: 256 },
  { concurrency: 16, bodyBytes: 10_240 },
  { concurrency: 16, bodyBytes: 153_600 },
]

export const runNonstream: Scenario = async (bench) => {
  const pair = await startPair(bench, 'requests')
  const rows: Row[] = []
  try {
    for (const point of points) rows.push(...(await measurePoint(bench, pair, point)))
  } finally {
    await pair.stop()
  }
  return rows
}

async function measurePoint(bench: Bench, pair: ChatPair, point: Point): Promise<Row[]> {
  const direct: Round[] = []
  const baseline: Round[] = []
  const subject: Round[] = []
  for (let round = 0; round < bench.options.rounds; round += 1) {
    direct.push(await measureOnce(bench, undefined, point))
    baseline.push(await measureOnce(bench, pair.baseline, point))
    subject.push(await measureOnce(bench, pair.subject, point))
  }
  const size = point.bodyBytes < 1024 ? `${point.bodyBytes} B` : `${point.bodyBytes / 1024} KB`
  const label = `${point.concurrency} at a time, ${size}`
  const perSecond = (rounds: Round[]) => medianOf(rounds, (round) => round.perSecond)
  bench.log(
    `  ${label}: direct ${perSecond(direct).toFixed(0)}/s, baseline ${perSecond(baseline).toFixed(0)}/s, ` +
      `${bench.subject.name} ${perSecond(subject).toFixed(0)}/s`,
  )
  return toRows(point, label, direct, baseline, subject)
}

function measureOnce(bench: Bench, server: Server | undefined, point: Point): Promise<Round> {
  const target = server ?? { port: bench.mock.port, key: 'direct' }
  const durationMs = bench.options.quick ? 700 : 2000
  return measureCost(bench, server, () => {
    const { concurrency, bodyBytes } = point
    return bench.load.run({
      kind: 'requests',
      target: { port: target.port, key: target.key },
      concurrency,
      bodyBytes,
      durationMs,
    })
  })
}

function toRows(point: Point, label: string, direct: Round[], baseline: Round[], subject: Round[]): Row[] {
  const voids = [...direct, ...baseline, ...subject].flatMap((round) => findFaults(round, round.requests))
  const notes = findDisturbances([...baseline, ...subject])
  const latency = (rounds: Round[], at: 'p50' | 'p95' | 'p99') => medianOf(rounds, (round) => round.latencyMs[at])
  if (latency(direct, 'p50') >= 0.9 * latency(subject, 'p50')) voids.push('direct is within 10 % of the gateway')
  const added = (rounds: Round[]) =>
    (['p50', 'p95', 'p99'] as const).map((at) => latency(rounds, at) - latency(direct, at))
  const perSecond = (rounds: Round[]) => medianOf(rounds, (round) => round.perSecond)
  const cpu = (rounds: Round[]) => medianOf(rounds, (round) => round.cpuMicros / round.requests)
  const target = { bound: 'at-least', limit: 0.4, aim: 0.55 } as const
  return [
    {
      measure: `requests, ${label}`,
      unit: '/s',
      baseline: [perSecond(baseline)],
      subject: [perSecond(subject)],
      comparison: { kind: 'ratio', value: perSecond(subject) / perSecond(baseline) },
      target: point.isJudged ? target : undefined,
      voids,
      notes: [...notes, `direct ${Math.round(perSecond(direct))}/s`],
    },
    {
      measure: `CPU per request, ${label}`,
      unit: 'µs',
      baseline: [cpu(baseline)],
      subject: [cpu(subject)],
      comparison: { kind: 'ratio', value: cpu(subject) / cpu(baseline) },
      voids,
      notes: [],
    },
    {
      measure: `added latency p50 / p95 / p99, ${label}`,
      unit: 'ms',
      baseline: added(baseline),
      subject: added(subject),
      comparison: { kind: 'added', value: added(subject)[0]! },
      voids,
      notes: [],
    },
  ]
}
