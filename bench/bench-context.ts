import type { Load, Mock } from './children.ts'
import type { Server } from './gateway.ts'
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

/** Brings a server's code to the state it has in service, on the path that is about to be measured. */
export async function warmUp(bench: Bench, server: Server, path: 'requests' | 'streams'): Promise<void> {
  const durationMs = bench.options.quick ? 700 : 8000
  const result =
    path === 'requests'
      ? await bench.load.run({ kind: 'requests', target: server, concurrency: 32, bodyBytes: 256, durationMs })
      : await bench.load.run({ kind: 'streams', target: server, model: 'paced', concurrency: 200, durationMs })
  if (result.errors > 0)
    bench.log(`  ${server.subject.name}: ${result.errors} errors in the warm-up: ${result.firstError}`)
}
