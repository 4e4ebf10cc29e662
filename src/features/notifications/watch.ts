import type { Bells } from '#lib/bells.ts'
import type { Database } from '#store/index.ts'
import { listNewest, newestId } from './store.ts'

export interface WatchDeps {
  database: Database
  bells: Bells<number>
  log: { warn(fields: object, message: string): void }
}

/** How long what another process stored may take to be heard of here. */
const lookEveryMs = 2_000
const pageSize = 1_000

/**
 * Bells that also ring for what other processes stored: where a database may have several, one query every two seconds
 * tells for whom there is something new, as long as anybody here waits at all.
 */
export function watchNewest({ database, bells, log }: WatchDeps) {
  const shared = database.dialect === 'postgres'
  let timer: NodeJS.Timeout | undefined
  let looking: Promise<void> | undefined
  /** Everything up to this one was rung for. */
  let seen: number | undefined

  async function look(): Promise<void> {
    if (seen === undefined) {
      seen = await newestId(database)
      // What came between somebody's arrival and this look was rung for nowhere.
      return bells.ringAll()
    }
    for (;;) {
      const page = await listNewest(database, seen, pageSize)
      for (const userId of new Set(page.map((row) => row.userId))) bells.ring(userId)
      seen = page.at(-1)?.id ?? seen
      if (page.length < pageSize) return
    }
  }

  function tick(): void {
    if (!bells.watched) stop()
    else
      looking ??= look()
        .catch((err) => log.warn({ err }, 'could not look for notifications; will try again'))
        .finally(() => {
          looking = undefined
        })
  }

  function stop(): void {
    clearInterval(timer)
    timer = undefined
    seen = undefined
  }

  return {
    watch(userId: number, listener: () => void): () => void {
      const leave = bells.watch(userId, listener)
      if (shared) timer ??= setInterval(tick, lookEveryMs).unref()
      return leave
    },
    async close(): Promise<void> {
      stop()
      await looking
    },
  }
}
