/** What a measurement cost, and what makes it doubtful. */
import type { Bench } from './bench-context.ts'
import { LOAD_CORE, SERVER_CORE } from './children.ts'
import type { Server } from './gateway.ts'
import { coreMicros, cpuMicros } from './process-figures.ts'
import { medianOf } from './statistics.ts'

/** Shares are of one core: what the load side used of its own, and what strangers took of each. */
export type Cost = {
  cpuMicros: number
  wallMs: number
  turns: number | undefined
  loadShare: number
  strangersOnServerCore: number
  strangersOnLoadCore: number
}

/** Runs some load and reads what it cost the server; `server` is undefined for load that goes straight to the mock. */
export async function measureCost<T>(
  bench: Bench,
  server: Server | undefined,
  work: () => Promise<T>,
): Promise<T & Cost> {
  const countTurns = () => server?.subject.countTurns?.(server.deployment)
  const driver = process.pid
  const readClocks = () => ({
    server: server?.cpuMicros() ?? 0,
    load: cpuMicros(bench.load.pid) + cpuMicros(bench.mock.pid),
    driver: cpuMicros(driver),
    serverCore: coreMicros(SERVER_CORE),
    loadCore: coreMicros(LOAD_CORE),
  })
  const turnsBefore = countTurns()
  const before = readClocks()
  const startedAt = performance.now()
  const result = await work()
  const wallMs = performance.now() - startedAt
  server?.assertAlive()
  const after = readClocks()
  const turnsAfter = countTurns()
  const spent = (clock: keyof typeof before) => after[clock] - before[clock]
  const share = (micros: number) => micros / (wallMs * 1000)
  return {
    ...result,
    wallMs,
    cpuMicros: spent('server'),
    turns: turnsBefore === undefined || turnsAfter === undefined ? undefined : turnsAfter - turnsBefore,
    loadShare: share(spent('load')),
    strangersOnServerCore: share(spent('serverCore') - spent('server')),
    strangersOnLoadCore: share(spent('loadCore') - spent('load') - spent('driver')),
  }
}

const FULL_SHARE = 0.9
const NOISE_SHARE = 0.1

/** What limited or disturbed the measurement apart from the servers themselves. */
export function findDisturbances(rounds: Cost[]): string[] {
  const percent = (share: number) => `${Math.round(share * 100)} %`
  const load = medianOf(rounds, (round) => round.loadShare)
  const onServer = medianOf(rounds, (round) => round.strangersOnServerCore)
  const onLoad = medianOf(rounds, (round) => round.strangersOnLoadCore)
  const found: string[] = []
  if (load + Math.max(0, onLoad) >= FULL_SHARE)
    found.push(`load core full (load and mock ${percent(load)}): trust the CPU line`)
  if (onServer >= NOISE_SHARE || onLoad >= NOISE_SHARE) {
    found.push(`strangers took ${percent(onServer)} of the server core and ${percent(onLoad)} of the load core`)
  }
  return found
}

/** Why a result proves nothing: failed requests, or turns that were not stored. */
export function findFaults(
  result: { errors: number; firstError?: string; turns: number | undefined },
  sent: number,
): string[] {
  const faults: string[] = []
  if (result.errors > 0) faults.push(`${result.errors} errors, first: ${result.firstError}`)
  if (result.turns !== undefined && result.turns !== sent) faults.push(`${sent} sent but ${result.turns} turns stored`)
  return faults
}
