/** A part of the wiring: what happens after a commit, and what is sent to where users want it. */
import type { Config } from '#config/index.ts'
import type { WorkspaceChange } from '#contracts/index.ts'
import type { History } from '#features/history/index.ts'
import type { Notifications } from '#features/notifications/index.ts'
import type { Users } from '#features/users/index.ts'
import { webhooks } from '#features/webhooks/index.ts'
import { jobQueue, webhookDeliveries } from '#jobs/index.ts'
import { type OutboundOptions, outbound } from '#lib/outbound/index.ts'
import { deriveKey } from '#lib/seal.ts'
import { signal } from '#lib/signal.ts'
import type { Database } from '#store/index.ts'
import { subscriberJobs } from '#subscribers/index.ts'

export interface AppJobsDeps {
  database: Database
  now(): number
  log: { error(fields: object, message: string): void }
  /** The master secret. */
  secret: string
  config: Pick<Config, 'outboundAllow'>
  users: Pick<Users, 'isServerAdmin'>
  notifications: Notifications
  history: History
  /** Resolves names of hosts; the system's where it is absent. */
  lookup?: OutboundOptions['lookup'] | undefined
}

/** An attempt as a whole; and how long those under way may still take when the server stops. */
const webhookMs = { attempt: 15_000, close: 3_000 } as const

export type AppJobs = ReturnType<typeof appJobs>

export function appJobs(deps: AppJobsDeps) {
  const { database, now, log, lookup } = deps
  const out = outbound({ allow: deps.config.outboundAllow, ...(lookup && { lookup }) })
  const sending = {
    outbound: out,
    secretKey: deriveKey(deps.secret, 'webhooks'),
    now,
    timeoutMs: webhookMs.attempt,
  }
  const hooks = webhooks({ ...sending, database, users: deps.users })
  const deliveries = webhookDeliveries({
    ...sending,
    database,
    random: Math.random,
    log,
    lookEveryMs: 2_000,
    closeMs: webhookMs.close,
  })
  hooks.onQueued(deliveries.wake)
  const workspaceChanged = signal<WorkspaceChange>()
  const queue = jobQueue({
    database,
    handlers: subscriberJobs({
      notifications: deps.notifications,
      history: deps.history,
      webhooks: hooks,
      now,
      announce: workspaceChanged.fire,
    }),
    now,
    random: Math.random,
    log,
    lookEveryMs: 5_000,
    gatherMs: 500,
  })

  return {
    queue,
    workspaceChanged,
    webhooks: hooks,
    deliveries,
    open(): void {
      queue.start()
      deliveries.open()
    },
    async close(): Promise<void> {
      await queue.close()
      await deliveries.close()
      await out.close()
    },
  }
}
