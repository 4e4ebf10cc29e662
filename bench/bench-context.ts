import type { Load, Mock } from './children.ts'
import type { Server } from './gateway.ts'
import type { RequestsResult, StreamsResult } from './load-jobs.ts'
import type { Options } from './options.ts'
import type { Row } from './row.ts'
import type { Subject } from './subjects.ts'

/** What every scenario is given. */
export type Bench = {
  options: Options
  mock: Mock
  load: Load
  baseline: Subject
  subject: Subject
  log(line: string): void
}

/** One file in scenarios/ each: drives its load and returns the rows that it measured. */
export type Scenario = (bench: Bench) => Promise<Row[]>

/** After so many whole answers the instructions of one stay what they are: V8 has looked at all that is often used. */
const WARM_ANSWERS = 40_000
const WARM_MS = 8_000
const MOST_WARM_MS = 30_000

/** Brings a server's code to the state it has in service, last on the path that is about to be measured. */
export async function warmUp(bench: Bench, server: Server, path: 'requests' | 'streams'): Promise<void> {
  const durationMs = bench.options.quick ? 700 : WARM_MS
  const stopAt = performance.now() + (bench.options.quick ? 0 : MOST_WARM_MS)
  let answers = 0
  let result: RequestsResult | StreamsResult
  do {
    result = await bench.load.run({ kind: 'requests', target: server, concurrency: 32, bodyBytes: 256, durationMs })
    answers += result.requests
  } while (answers < WARM_ANSWERS && performance.now() < stopAt && result.errors === 0)
  if (path === 'streams')
    result = await bench.load.run({ kind: 'streams', target: server, model: 'paced', concurrency: 200, durationMs })
  if (result.errors > 0)
    bench.log(`  ${server.subject.name}: ${result.errors} errors in the warm-up: ${result.firstError}`)
}
