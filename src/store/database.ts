import type { Kysely } from 'kysely'
import type { Dialect } from './dialect.ts'
import type { Schema } from './schema.ts'
import type { Statement } from './statement.ts'

/** Something that happened, told to the subscribers after the commit. `type` is noun-verb. */
export interface OutboxEvent {
  type: string
  [field: string]: unknown
}

/** Whose rows many transactions write at once: every priced turn its workspace's, every turn of a conversation that one's. */
export type ContendedTable = 'conversations' | 'workspaces'

/**
 * The right to write. What is written through it becomes durable together. `work` functions may be run again after
 * a rollback, so they must have no effect but through their transaction.
 */
export interface Transaction {
  /** For queries off the hot path. */
  db: Kysely<Schema>
  /** Runs a declared statement; gives the rows of a RETURNING and the number of rows changed. */
  run<V extends object>(statement: Statement<V>, values: V): Promise<StatementResult> | StatementResult
  /** Queues an event for the subscribers: it is told if and only if this transaction commits. */
  tell(event: OutboxEvent): void
  /**
   * Runs `work` when everything else of this transaction is written. For rows that others write at the same moment: each
   * takes them as late as it can and in one order, by table and key, so that no two wait for each other.
   */
  atEnd(table: ContendedTable, key: number, work: () => unknown): void
}

export interface StatementResult {
  rows: Record<string, unknown>[]
  changes: number
  /** Of an insertion into a table with a key `id`, returned by PostgreSQL where the statement says so: the new row's key. */
  insertedId?: number
}

/** The one store. Reads see only what is committed. */
export interface Database {
  dialect: Dialect
  read: Kysely<Schema>
  /**
   * Runs `work` in a transaction and resolves with its result once that is durable. Concurrent writes share one
   * commit where they can; one that throws is rolled back alone. Rejects with what `work` threw, or with `overloaded`
   * when the database cannot be written (disk full, connection lost). With patience it may wait for company, until so
   * many milliseconds after the last commit began; a server that has written nothing for so long writes at once.
   */
  write<T>(work: (tx: Transaction) => Promise<T> | T, patienceMs?: number): Promise<T>
  /** Who waits patiently is awaited now: what waits is written at once. */
  hurry(): void
  close(): Promise<void>
}
