/** Runs the scenarios and writes bench/results/latest.md and latest.json. See README.md. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'
import type { Bench, Scenario } from './bench-context.ts'
import { PROFILE_FOLDER } from './chat-pair.ts'
import { canPin, pinDriver, startLoad, startMock } from './children.ts'
import { type Options, parseOptions, type ScenarioName } from './options.ts'
import { isMet, type Row } from './row.ts'
import { runMemory } from './scenarios/memory.ts'
import { runNonstream } from './scenarios/nonstream.ts'
import { runSockets } from './scenarios/sockets.ts'
import { runStart } from './scenarios/start.ts'
import { runStream } from './scenarios/stream.ts'
import { bareProxy, parley } from './subjects.ts'
import { type Circumstances, renderTable } from './table.ts'

const ROOT = new URL('..', import.meta.url).pathname
const RESULT_FOLDER = new URL('results', import.meta.url).pathname

const scenarios: Record<ScenarioName, Scenario> = {
  nonstream: runNonstream,
  stream: runStream,
  memory: runMemory,
  sockets: runSockets,
  start: runStart,
}

function describeRun(options: Options): Circumstances {
  const git = (...parameters: string[]) =>
    execFileSync('git', parameters, { cwd: RESULT_FOLDER, encoding: 'utf8' }).trim()
  return {
    taken: new Date().toISOString(),
    commit:
      git('rev-parse', '--short', 'HEAD') +
      (git('status', '--porcelain', '--', '../../src') ? ' with changes in src' : ''),
    machine: `${cpus()[0]?.model}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GB, Linux ${release()}`,
    node: process.version,
    cores: canPin
      ? 'server under test on core 0; mock, load and driver on core 1'
      : 'NOT pinned: no taskset or one core',
    rounds: `${options.rounds}, interleaved (direct, baseline, subject), medians${options.quick ? '; QUICK run' : ''}`,
    ...(options.profile ? { profile: 'the subject ran under --cpu-prof: its figures are too high' } : {}),
  }
}

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2))
  const startedAt = performance.now()
  const log = (line: string) =>
    console.error(`${((performance.now() - startedAt) / 1000).toFixed(0).padStart(4)} s ${line}`)
  pinDriver()
  mkdirSync(RESULT_FOLDER, { recursive: true })
  const stand = { ...bareProxy, name: 'bare proxy (stands in for Parley)' }
  const mock = await startMock()
  const load = startLoad()
  const bench: Bench = {
    options,
    mock,
    load,
    baseline: bareProxy,
    subject: options.subject === 'parley' ? parley : stand,
    log,
  }
  const rows: Row[] = []
  try {
    for (const name of options.only) {
      log(name)
      rows.push(...(await scenarios[name](bench).catch((error: Error) => [failedRow(name, error, log)])))
    }
  } finally {
    mock.stop()
    load.stop()
  }
  report(bench, rows)
}

/** A scenario that fails takes none of the others with it. */
function failedRow(name: string, error: Error, log: (line: string) => void): Row {
  log(`${name} failed: ${error.message}`)
  return { measure: name, unit: '', subject: [], voids: [error.message.slice(0, 500).replaceAll('\n', ' ')], notes: [] }
}

function report(bench: Bench, rows: Row[]): void {
  const circumstances = describeRun(bench.options)
  const table = renderTable('Benchmark', bench.subject.name, rows, circumstances)
  const judged = rows.map((row) => ({ ...row, met: isMet(row) }))
  writeFileSync(`${RESULT_FOLDER}/latest.md`, table)
  const record = { circumstances, options: bench.options, subject: bench.subject.name, rows: judged }
  writeFileSync(`${RESULT_FOLDER}/latest.json`, `${JSON.stringify(record, null, 2)}\n`)
  // `npm run check` covers the results too, and Biome has its own idea of a table.
  execFileSync(`${ROOT}node_modules/.bin/biome`, ['format', '--write', RESULT_FOLDER], { cwd: ROOT, stdio: 'ignore' })
  console.log(table)
  if (!bench.options.profile) return
  for (const file of readdirSync(PROFILE_FOLDER)) bench.log(`profile: node bench/profile-summary.ts bench/out/${file}`)
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1))
await main()
