/** Streams at the pace of a model: CPU per chunk, added time to first token, and how even the frames arrive. */
import type { Bench, Scenario } from '../bench-context.ts'
import { type ChatPair, startPair } from '../chat-pair.ts'
import { type Cost, findDisturbances, findFaults, measureCost } from '../cost.ts'
import type { Server } from '../gateway.ts'
import type { StreamsResult } from '../load-jobs.ts'
import { PACED_CONTENT_FRAMES } from '../mock-answers.ts'
import type { Row } from '../row.ts'
import { medianOf } from '../statistics.ts'

type Round = StreamsResult & Cost

const levels = [100, 400]

export const runStream: Scenario = async (bench) => {
  const pair = await startPair(bench, 'streams')
  const rows: Row[] = []
  try {
    for (const level of levels) rows.push(...(await measureLevel(bench, pair, level)))
  } finally {
    await pair.stop()
  }
  return rows
}

async function measureLevel(bench: Bench, pair: ChatPair, level: number): Promise<Row[]> {
  const direct: Round[] = []
  const baseline: Round[] = []
  const subject: Round[] = []
  for (let round = 0; round < bench.options.rounds; round += 1) {
    direct.push(await measureOnce(bench, undefined, level))
    baseline.push(await measureOnce(bench, pair.baseline, level))
    subject.push(await measureOnce(bench, pair.subject, level))
  }
  bench.log(
    `  ${level} streams: CPU per chunk baseline ${cpuPerChunk(baseline).toFixed(1)} µs, ` +
      `${bench.subject.name} ${cpuPerChunk(subject).toFixed(1)} µs`,
  )
  return toRows(level, direct, baseline, subject)
}

function measureOnce(bench: Bench, server: Server | undefined, concurrency: number): Promise<Round> {
  const { port, key } = server ?? { port: bench.mock.port, key: 'direct' }
  const durationMs = bench.options.quick ? 1500 : 3000
  return measureCost(bench, server, () =>
    bench.load.run({ kind: 'streams', target: { port, key }, model: 'paced', concurrency, durationMs }),
  )
}

/** Over the chunks that the upstream sent, so that a server which merges chunks neither gains nor loses by it. */
function cpuPerChunk(rounds: Round[]): number {
  return medianOf(rounds, (round) => round.cpuMicros / (round.streams * PACED_CONTENT_FRAMES))
}

function toRows(level: number, direct: Round[], baseline: Round[], subject: Round[]): Row[] {
  const voids = [...direct, ...baseline, ...subject].flatMap((round) => findFaults(round, round.streams))
  const notes = findDisturbances([...baseline, ...subject])
  const perStream = medianOf(subject, (round) => round.contentFrames / round.streams)
  if (Math.abs(perStream - PACED_CONTENT_FRAMES) > 0.5) {
    notes.push(`${perStream.toFixed(1)} text frames reached the client for ${PACED_CONTENT_FRAMES} sent`)
  }
  const busy = medianOf(subject, (round) => round.cpuMicros / (round.wallMs * 1000))
  notes.push(`core ${Math.round(busy * 100)} % busy`)
  const firstToken = (rounds: Round[], at: 'p50' | 'p99') => medianOf(rounds, (round) => round.firstTokenMs[at])
  const added = (rounds: Round[]) =>
    (['p50', 'p99'] as const).map((at) => firstToken(rounds, at) - firstToken(direct, at))
  const gap = (rounds: Round[]) => medianOf(rounds, (round) => round.gapMs.p99)
  return [
    {
      measure: `CPU per chunk, ${level} streams`,
      unit: 'µs',
      baseline: [cpuPerChunk(baseline)],
      subject: [cpuPerChunk(subject)],
      comparison: { kind: 'ratio', value: cpuPerChunk(subject) / cpuPerChunk(baseline) },
      target: { bound: 'at-most', limit: 1.5 },
      voids,
      notes,
    },
    {
      measure: `added time to first token p50 / p99, ${level} streams`,
      unit: 'ms',
      baseline: added(baseline),
      subject: added(subject),
      comparison: { kind: 'added', value: added(subject)[0]! },
      target: level === 100 ? { bound: 'at-most', limit: 2 } : undefined,
      voids,
      notes: [`direct p50 ${firstToken(direct, 'p50').toFixed(1)} ms`],
    },
    {
      measure: `gap between frames p99, ${level} streams`,
      unit: 'ms',
      baseline: [gap(baseline)],
      subject: [gap(subject)],
      comparison: { kind: 'added', value: gap(subject) - gap(direct) },
      voids,
      notes: ['added to the direct path'],
    },
  ]
}
