/** A part of the wiring: what is done by the clock, whoever comes or not. */

import type { Turns } from '#turns/index.ts'
import type { AppFeatures } from './app-features.ts'
import type { AppJobs } from './app-jobs.ts'

export interface AppHousekeepingDeps {
  features: Pick<AppFeatures, 'auth' | 'notifications' | 'executions'>
  turns: Pick<Turns, 'pruneIdempotencyKeys'>
  webhooks: Pick<AppJobs['webhooks'], 'prune'>
  log: { warn(fields: object, message: string): void }
}

const everyMs = 3_600_000
const keyUsesEveryMs = 10_000

/** Begins at once, and must be closed: uses of keys that were counted are written then. */
export function appHousekeeping({ features, turns, webhooks, log }: AppHousekeepingDeps) {
  const { auth, notifications, executions } = features
  const housekeeper = setInterval(() => {
    const rest = Promise.all([
      auth.pruneSessions(),
      turns.pruneIdempotencyKeys(),
      notifications.prune(),
      executions.prune(),
      webhooks.prune(),
    ])
    rest.catch((err) => log.warn({ err }, 'housekeeping failed; it will try again'))
  }, everyMs)
  housekeeper.unref()
  const writeKeyUses = () => auth.flushKeyUses().catch((err) => log.warn({ err }, 'uses of keys not written'))
  const counted = setInterval(() => void writeKeyUses(), keyUsesEveryMs)
  counted.unref()

  return {
    async close(): Promise<void> {
      clearInterval(counted)
      clearInterval(housekeeper)
      await writeKeyUses()
    },
  }
}
