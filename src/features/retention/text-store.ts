import type { Database, Transaction } from '#store/index.ts'

/** Whose text, where, and up to when. */
export interface Scope {
  /** Absent: everybody's. Of a user, not what visitors of his public apps said. */
  userId?: number
  /** Absent: everywhere. Never empty. */
  workspaceIds?: readonly number[]
  /** Unix ms: what was said up to then. */
  until: number
  /** Nothing of the user is older than this (unix ms), so that looking for it may begin there. */
  since?: number
  /** Public id of a user whose account is gone: what others were told of him goes too. */
  forgotten?: string
  /** Also rows whose text was removed: for exports. */
  evenEmpty?: true
}

/** A row that holds text, and what a hold would have to cover to keep it. */
export interface TextRow {
  id: number
  workspaceId: number | null
  appId?: number | null
  conversationId?: number | null
  /** It may belong to what a hold of its workspace covers, whichever that is. */
  anyHold?: true
}

export interface Found {
  rows: TextRow[]
  /** Rows up to this key have been looked at. */
  reached: number
  /** There are no more in this scope now. */
  done: boolean
}

/**
 * A group of tables with what people said in it: how it is found, removed and shown to whom it belongs. Removing may be
 * done twice; it must leave what is counted (usage, money, numbers of rows in `turns`) as it is.
 */
export interface TextStore {
  /** As reports and exports name it; stands in the database, so it is never renamed. */
  name: string
  /** Table → columns in which text stands. */
  holds: Readonly<Record<string, readonly string[]>>
  /**
   * Rows are added in the order of time, nearly: how far the removal of a workspace's old text came is remembered, and what
   * follows the first row that is too young is not looked at.
   */
  ordered?: true
  /** Text that only its person has: nothing of it is removed because it is old. */
  personal?: true
  /** Rows of the scope after the key `after`, in order of their keys, at most `batchSize`. Looks at a bounded part of the table. */
  find(database: Database, scope: Scope, after: number): Promise<Found>
  erase(tx: Transaction, rows: readonly TextRow[], scope: Scope): Promise<void>
  /** What an export shows of these rows, in their order. */
  read(database: Database, ids: readonly number[]): Promise<object[]>
}

/** Rows that are removed in one transaction. */
export const batchSize = 100

/** Rows of a big table that are looked at in one query. */
export const span = 2_000

/** `rows` filled a batch, or not: how far the looking came, when it ends at the key `through`. */
export function foundUpTo(rows: TextRow[], through: number, done: boolean): Found {
  if (rows.length < batchSize) return { rows, reached: through, done }
  return { rows, reached: rows.at(-1)!.id, done: false }
}

/** For tables of which all rows of a scope can be asked for at once: a batch that is not full is the last. */
export function foundAll(rows: TextRow[]): Found {
  return { rows, reached: rows.at(-1)?.id ?? 0, done: rows.length < batchSize }
}

export function iso(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString()
}

export function idsOf(rows: readonly TextRow[]): number[] {
  return rows.map((row) => row.id)
}
