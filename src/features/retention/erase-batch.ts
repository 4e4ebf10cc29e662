import { setImmediate as breath } from 'node:timers/promises'
import type { Database, Transaction } from '#store/index.ts'
import { coveredRows } from './covered.ts'
import type { Scope, TextStore } from './text-store.ts'

export interface Batch {
  removed: number
  /** Under a hold. */
  kept: number
  /** Rows up to this key are done. */
  reached: number
  /** There is nothing more in this scope. */
  done: boolean
}

/**
 * Removes what comes next of a store, a batch at most. `save` writes how far it came in the same transaction; it is not
 * called where there was nothing to remove, and what it throws undoes the batch.
 */
export async function eraseBatch(
  database: Database,
  store: TextStore,
  scope: Scope,
  after: number,
  save: (tx: Transaction, batch: Batch) => Promise<void>,
): Promise<Batch> {
  // SQLite answers without going round the event loop, and nobody is in a hurry here.
  await breath()
  const { rows, reached, done } = await store.find(database, scope, after)
  if (rows.length === 0) return { removed: 0, kept: 0, reached, done }
  return database.write(async (tx) => {
    const covered = await coveredRows(tx, database.dialect, rows)
    const gone = rows.filter((row) => !covered.has(row))
    if (gone.length > 0) await store.erase(tx, gone, scope)
    const batch = { removed: gone.length, kept: covered.size, reached, done }
    await save(tx, batch)
    return batch
  })
}
