import type { Database, OutboxEvent } from './database.ts'
import type { LaneTransaction } from './group-commit.ts'
import { migrate } from './migrate.ts'
import { openSqlite } from './sqlite.ts'
import { statement } from './statement.ts'

export interface DatabaseOptions {
  /** `postgres://…`; absent: SQLite in `folder`. */
  url?: string
  folder: string
  /** Which subscribers (job kinds) are to be told of an event; decides nothing about the write itself. */
  subscribersOf(event: OutboxEvent): readonly string[]
  /** What a subscriber is told of the events of one commit that it hears of; absent: these themselves. */
  gathered?(subscriber: string, events: OutboxEvent[]): OutboxEvent[]
  now(): number
  /** When a read that PostgreSQL does not answer has failed, in milliseconds. Default 60,000. */
  readTimeoutMs?: number
  /** Called after a commit that told something, so that a job loop need not wait for its next look. */
  onTold?(): void
}

const insertJob = statement<{ kind: string; payload: string; runAt: number; zero: number }>('insert-job', (db, p) =>
  db.insertInto('jobs').values({
    kind: p('kind'),
    payload: p('payload'),
    run_at: p('runAt'),
    attempts: p('zero'),
    dead: p('zero'),
    created_at: p('runAt'),
  }),
)

/**
 * Opens the store and migrates it. Throws `conflict` when another process has the folder, a newer version wrote the
 * database or a file is damaged, and `overloaded` when it cannot be reached, opened or written to.
 */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  // One job row a subscriber and commit carries all its events: each subscriber is then retried on its own.
  async function writeOutbox(tx: LaneTransaction, events: OutboxEvent[]): Promise<void> {
    const bySubscriber = new Map<string, OutboxEvent[]>()
    for (const event of events)
      for (const subscriber of options.subscribersOf(event)) {
        const told = bySubscriber.get(subscriber)
        if (told) told.push(event)
        else bySubscriber.set(subscriber, [event])
      }
    for (const [subscriber, told] of bySubscriber)
      await tx.run(insertJob, {
        kind: `subscriber:${subscriber}`,
        payload: JSON.stringify(options.gathered?.(subscriber, told) ?? told),
        runAt: options.now(),
        zero: 0,
      })
    if (bySubscriber.size > 0 && options.onTold) setImmediate(options.onTold)
  }
  const { url, folder, now } = options
  if (url === undefined) return openSqlite(folder, writeOutbox, (db) => migrate(db, 'sqlite', now()))
  // The embedded default needs no PostgreSQL client in its memory.
  const { openPostgres } = await import('./postgres.ts')
  return openPostgres(url, writeOutbox, (db) => migrate(db, 'postgres', now()), options.readTimeoutMs)
}
