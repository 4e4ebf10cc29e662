/** The baseline and the gateway, both running and warm, so that rounds can take turns on the same core. */
import { type Bench, warmUp } from './bench-context.ts'
import { type Server, startServer } from './gateway.ts'

export const PROFILE_FOLDER = new URL('out', import.meta.url).pathname

export type ChatPair = { baseline: Server; subject: Server; stop(): Promise<void> }

export async function startPair(bench: Bench, path: 'requests' | 'streams'): Promise<ChatPair> {
  const mockPort = bench.mock.port
  const profiling = ['--cpu-prof', `--cpu-prof-dir=${PROFILE_FOLDER}`]
  const baseline = await startServer(bench.baseline, { mockPort })
  const subject = await startServer(bench.subject, { mockPort, nodeArguments: bench.options.profile ? profiling : [] })
  await warmUp(bench, baseline, path)
  await warmUp(bench, subject, path)
  return {
    baseline,
    subject,
    stop: async () => {
      await baseline.stop()
      await subject.stop()
    },
  }
}

export type Cost = { cpuMicros: number; wallMs: number; turns: number | undefined }

/** Runs some load and reads what it cost the server; `server` is undefined for load that goes straight to the mock. */
export async function measureCost<T>(server: Server | undefined, work: () => Promise<T>): Promise<T & Cost> {
  const count = () => server?.subject.countTurns?.(server.deployment)
  const cpuBefore = server?.cpuMicros() ?? 0
  const turnsBefore = count()
  const startedAt = performance.now()
  const result = await work()
  const wallMs = performance.now() - startedAt
  server?.assertAlive()
  const cpuMicros = (server?.cpuMicros() ?? 0) - cpuBefore
  const turnsAfter = count()
  const turns = turnsBefore === undefined || turnsAfter === undefined ? undefined : turnsAfter - turnsBefore
  return { ...result, cpuMicros, wallMs, turns }
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
