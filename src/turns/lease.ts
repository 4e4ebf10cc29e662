import { type RawBuilder, sql } from 'kysely'
import type { TurnsDeps } from './deps.ts'

/** Renewals per lease: one may be lost, or late, without the process being taken for dead. */
const renewalsPerLease = 3

/**
 * The time by which leases run: of several processes no two clocks need agree, and any may be set, so PostgreSQL's own. An
 * embedded database has no other process.
 */
export function leaseTime({ database, now }: Pick<TurnsDeps, 'database' | 'now'>): RawBuilder<number> {
  if (database.dialect === 'sqlite') return sql<number>`${now()}`
  return sql<number>`(extract(epoch from clock_timestamp()) * 1000)::bigint`
}

/** This process's sign of life in the database; turns of a process without one are closed by the reaper. */
export function keepLease(deps: Pick<TurnsDeps, 'database' | 'now' | 'log' | 'options'>, processId: string) {
  let timer: NodeJS.Timeout | undefined

  async function renew(): Promise<void> {
    const leaseUntil = sql<number>`${leaseTime(deps)} + ${sql.lit(deps.options.leaseMs)}`
    await deps.database.write((tx) =>
      tx.db
        .insertInto('processes')
        .values({ id: processId, lease_until: leaseUntil })
        .onConflict((conflict) => conflict.column('id').doUpdateSet({ lease_until: leaseUntil }))
        .execute(),
    )
  }

  return {
    async open(): Promise<void> {
      await renew()
      timer = setInterval(() => {
        renew().catch((thrown) => deps.log.warn({ err: thrown }, 'the lease could not be renewed'))
      }, deps.options.leaseMs / renewalsPerLease)
      timer.unref()
    },
    async close(): Promise<void> {
      clearInterval(timer)
      // Without the row the next process closes what is left at once instead of waiting for the lease to lapse.
      await deps.database
        .write((tx) => tx.db.deleteFrom('processes').where('id', '=', processId).execute())
        .catch((thrown) => deps.log.warn({ err: thrown }, 'the lease could not be given up'))
    },
  }
}
