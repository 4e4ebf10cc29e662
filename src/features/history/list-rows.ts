import type { Database } from '#store/index.ts'
import type { Selection } from './selection.ts'

/** Rows are counted for as many places at once: to reach a page, counts are summed and fewer rows than these skipped. */
export const bucketSize = 1024

export function bucketOf(n: number): number {
  return Math.floor((n - 1) / bucketSize)
}

/** Selected rows, in the order of their numbers. */
export function selected(database: Database, selection: Selection) {
  const { userId, objectId, externalUserId } = selection
  return database.read
    .selectFrom('history_rows as h')
    .where('h.place', '=', selection.place)
    .$if(userId !== undefined, (query) => query.where('h.user_id', '=', userId!).where('h.visitor', '=', 0))
    .$if(objectId !== undefined, (query) => query.where('h.object_id', '=', objectId!))
    .$if(externalUserId !== undefined, (query) => query.where('h.external_user_id', '=', externalUserId!))
    .$if(selection.withoutToolEvents, (query) => query.where('h.tool_event', '=', 0))
}

export interface Listing {
  total: number
  /** Keys of the turns from the row of rank `from` (0: the oldest) on. */
  slice(from: number, take: number): Promise<number[]>
}

/** The rows of a selection up to number `lastN`. Rows that come later change neither their count nor their ranks. */
export async function listRows(database: Database, selection: Selection, lastN: number): Promise<Listing> {
  const buckets = await sizesOf(database, selection, lastN)
  return {
    total: buckets.reduce((sum, { size }) => sum + size, 0),
    async slice(from, take) {
      let before = 0
      for (const { after, size } of buckets) {
        if (from < before + size) return keys(database, selection, { after, lastN, skip: from - before, take })
        before += size
      }
      return []
    },
  }
}

/** How many selected rows there are behind each of these numbers, up to the next one. */
async function sizesOf(
  database: Database,
  selection: Selection,
  lastN: number,
): Promise<{ after: number; size: number }[]> {
  // What is said about one object, or with one user of the caller's, is little: it can be counted.
  const isNarrow = selection.objectId !== undefined || selection.externalUserId !== undefined
  const last = isNarrow ? 0 : Math.max(0, bucketOf(lastN))
  const full = isNarrow ? [] : await fullBuckets(database, selection, last)
  const after = last * bucketSize
  const { size } = await selected(database, selection)
    .select((eb) => eb.fn.countAll<number>().as('size'))
    .where('h.n', '>', after)
    .where('h.n', '<=', lastN)
    .executeTakeFirstOrThrow()
  return [...full, { after, size }]
}

/** Those before the last one, which may still grow. */
async function fullBuckets(database: Database, selection: Selection, last: number) {
  const counts = await database.read
    .selectFrom('history_counts')
    .select(['bucket', 'rows', 'tool_events'])
    .where('place', '=', selection.place)
    .where('user_id', '=', selection.userId ?? 0)
    .where('bucket', '<', last)
    .orderBy('bucket')
    .execute()
  return counts.map((row) => ({
    after: row.bucket * bucketSize,
    size: row.rows - (selection.withoutToolEvents ? row.tool_events : 0),
  }))
}

async function keys(
  database: Database,
  selection: Selection,
  at: { after: number; lastN: number; skip: number; take: number },
): Promise<number[]> {
  const rows = await selected(database, selection)
    .select('h.turn_id')
    .where('h.n', '>', at.after)
    .where('h.n', '<=', at.lastN)
    .orderBy('h.n')
    .limit(at.take)
    .offset(at.skip)
    .execute()
  return rows.map((row) => row.turn_id)
}
