/** The load generator: a child process that does one job at a time for the driver. */
import type { Job } from './load-jobs.ts'
import { openMany, releaseAll } from './load-open.ts'
import { runRequests } from './load-requests.ts'
import { runSocketStreams } from './load-socket-streams.ts'
import { runStreams } from './load-streams.ts'

async function run(job: Job): Promise<object> {
  switch (job.kind) {
    case 'requests':
      return await runRequests(job)
    case 'streams':
      return await runStreams(job)
    case 'socket-streams':
      return await runSocketStreams(job)
    case 'hold':
    case 'sockets':
      return await openMany(job)
    case 'release':
      releaseAll()
      return {}
  }
}

process.on('message', async (job: Job) => {
  process.send?.(await run(job))
})
process.on('disconnect', () => process.exit())
