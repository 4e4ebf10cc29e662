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
