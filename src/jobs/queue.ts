import type { Database, Transaction } from '#store/index.ts'

/**
 * What runs the jobs of one kind. It gets the payloads of several due jobs at once, oldest first, and the transaction
 * in which these jobs are deleted: what it writes through it happens exactly once. Effects outside the database happen
 * at least once; what is given to `afterCommit` happens after that transaction, unless the process ends between them, and
 * must not throw.
 */
export type JobHandler = (tx: Transaction, payloads: unknown[], afterCommit: AfterCommit) => Promise<void>

export type AfterCommit = (work: () => void) => void

export interface QueueOptions {
  database: Database
  handlers: Record<string, JobHandler>
  now(): number
  random(): number
  log: { error(fields: object, message: string): void }
  /** How often to look for due jobs that nobody woke us for (retries, other processes'). */
  lookEveryMs: number
  /** Told jobs wait so long for company: one pass serves all of them. */
  gatherMs: number
}

interface Job {
  id: number
  kind: string
  payload: string
  attempts: number
}

const batchSize = 500
/** Jobs that somebody is made to wait for. */
const mostCaughtUp = 100
const maxAttempts = 10
const retry = { firstMs: 1_000, mostMs: 15 * 60_000 }

/** The durable queue: jobs are rows, a job ends by its row's deletion, one that keeps failing is kept as dead. */
export function jobQueue(options: QueueOptions) {
  const { database, handlers, now } = options
  const kinds = Object.keys(handlers)
  let pass: Promise<void> | undefined
  let again = false
  let timer: NodeJS.Timeout | undefined
  let gathering: NodeJS.Timeout | undefined
  let stopped = false

  /** Runs everything that is due; calls while one is under way are served by one more pass after it. */
  function runDue(): Promise<void> {
    if (pass) {
      again = true
      return pass
    }
    pass = passes().finally(() => {
      pass = undefined
    })
    return pass
  }

  async function passes(): Promise<void> {
    do {
      again = false
      for (;;) {
        const due = await findDue(kinds, batchSize)
        for (const kind of new Set(due.map((job) => job.kind)))
          await runTogether(
            kind,
            due.filter((job) => job.kind === kind),
          )
        if (due.length < batchSize) break
      }
    } while (again)
  }

  function findDue(kinds: readonly string[], most: number): Promise<Job[]> {
    if (kinds.length === 0) return Promise.resolve([])
    const at = now()
    return (
      database.read
        .selectFrom('jobs')
        .select(['id', 'kind', 'payload', 'attempts'])
        .where('dead', '=', 0)
        // No job is meant to wait longer than for a retry: one that would was told before the clock was set back.
        .where((eb) => eb.or([eb('run_at', '<=', at), eb('run_at', '>', at + retry.mostMs)]))
        .where('kind', 'in', kinds)
        .orderBy('run_at')
        .limit(most)
        .execute()
    )
  }

  /**
   * Runs what is due of one kind before it resolves, for who has to see what these jobs write. Jobs that many others
   * are waiting with are not waited for. Does not throw: a job that fails is tried again like any other.
   */
  async function catchUp(kind: string): Promise<void> {
    try {
      const due = await findDue([kind], mostCaughtUp + 1)
      if (due.length > 0 && due.length <= mostCaughtUp) await runTogether(kind, due)
    } catch (thrown) {
      failed(thrown)
    }
  }

  /** All in one transaction; if that fails, each by itself, so that one bad job holds up no other. */
  async function runTogether(kind: string, jobs: Job[]): Promise<void> {
    try {
      await attempt(kind, jobs)
    } catch (thrown) {
      if (jobs.length > 1) for (const job of jobs) await runTogether(kind, [job])
      else {
        const [job] = jobs
        options.log.error({ err: thrown, job: job!.id, kind, attempts: job!.attempts + 1 }, 'a job failed')
        await postpone(job!, thrown)
      }
    }
  }

  async function attempt(kind: string, jobs: Job[]): Promise<void> {
    let afterwards: (() => void)[] = []
    await database.write(async (tx) => {
      // May be run again after a rollback: what the first run wanted done did not come true.
      afterwards = []
      // Deleting first takes the rows' locks: another process that had found them too deletes nothing.
      const ids = jobs.map((job) => job.id)
      const taken = await tx.db.deleteFrom('jobs').where('id', 'in', ids).returning('id').execute()
      const ours = new Set(taken.map((row) => row.id))
      const payloads = jobs.filter((job) => ours.has(job.id)).map((job) => JSON.parse(job.payload) as unknown)
      if (payloads.length > 0) await handlers[kind]!(tx, payloads, (work) => void afterwards.push(work))
    })
    for (const work of afterwards) work()
  }

  async function postpone(job: Job, thrown: unknown): Promise<void> {
    const attempts = job.attempts + 1
    const waitMs = Math.min(retry.firstMs * 2 ** job.attempts, retry.mostMs) * (0.5 + options.random() / 2)
    const runAt = Math.round(now() + waitMs)
    const error = String(thrown instanceof Error ? thrown.message : thrown).slice(0, 500)
    await database
      .write((tx) =>
        tx.db
          .updateTable('jobs')
          .set({ attempts, run_at: runAt, error, dead: attempts >= maxAttempts ? 1 : 0 })
          .where('id', '=', job.id)
          .execute(),
      )
      .catch((failed) => options.log.error({ err: failed, job: job.id }, 'a job could not be postponed'))
  }

  function failed(thrown: unknown): void {
    options.log.error({ err: thrown }, 'the job queue could not look for work; it will try again')
  }

  return {
    runDue,
    catchUp,
    start(): void {
      timer = setInterval(() => void runDue().catch(failed), options.lookEveryMs)
      timer.unref()
    },
    /** Something was queued: run soon, together with what else comes. */
    wake(): void {
      if (stopped) return
      gathering ??= setTimeout(() => {
        gathering = undefined
        void runDue().catch(failed)
      }, options.gatherMs)
      gathering.unref()
    },
    /** Runs what is due once more and stops. */
    async close(): Promise<void> {
      stopped = true
      clearInterval(timer)
      clearTimeout(gathering)
      await runDue().catch(failed)
    },
  }
}
