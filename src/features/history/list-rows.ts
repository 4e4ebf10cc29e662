import type { Database } from '#store/index.ts'
import type { Selection } from './selection.ts'

/**
 * Rows are counted for so many numbers at once: to reach a page, counts are summed and fewer rows than these skipped.
 * Databases have counts of this size: another one would need a migration.
 */
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

/** What there is in a place: the number of its newest row, and how many segments are ready to be searched. */
export interface PlaceState {
  lastN: number
  sealed: number
}

export async function readPlace(database: Database, place: number): Promise<PlaceState> {
  const row = await database.read
    .selectFrom('history_places')
    .select(['last_n as lastN', 'sealed'])
    .where('place', '=', place)
    .executeTakeFirst()
  return row ?? { lastN: 0, sealed: 0 }
}

export interface Listing {
  /** Up to which number: rows that come later change neither counts nor ranks. */
  lastN: number
  total: number
  /** Keys of the turns from the row of rank `from` (0: the oldest) on. */
  slice(from: number, take: number): Promise<number[]>
}

/** How many selected rows there are behind a number, up to the next one. */
interface Bucket {
  after: number
  size: number
}

/** The rows of a selection; of those that there were when `seen` was the newest number, if it is given. */
export async function listRows(database: Database, selection: Selection, seen?: number): Promise<Listing> {
  const { lastN, buckets } = await bucketsOf(database, selection, seen)
  return {
    lastN,
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

async function bucketsOf(
  database: Database,
  selection: Selection,
  seen: number | undefined,
): Promise<{ lastN: number; buckets: Bucket[] }> {
  // What is said about one object, or with one user of the caller's, is little: it can be counted.
  if (selection.objectId !== undefined || selection.externalUserId !== undefined) {
    const lastN = seen ?? (await readPlace(database, selection.place)).lastN
    return { lastN, buckets: [{ after: 0, size: await countUpTo(database, selection, 0, lastN) }] }
  }
  const counts = await readCounts(database, selection)
  const newest = counts[0]?.last_n ?? 0
  const lastN = Math.min(seen ?? newest, newest)
  const last = bucketOf(lastN)
  const buckets = counts
    .filter((row) => row.bucket !== null && (row.bucket < last || lastN === newest))
    .map((row) => ({
      after: row.bucket! * bucketSize,
      size: row.rows! - (selection.withoutToolEvents ? row.tool_events! : 0),
    }))
  if (lastN === newest) return { lastN, buckets }
  const after = last * bucketSize
  return { lastN, buckets: [...buckets, { after, size: await countUpTo(database, selection, after, lastN) }] }
}

/** In one statement, so that counts and newest number are of the same moment. */
function readCounts(database: Database, { place, userId }: Selection) {
  return database.read
    .selectFrom('history_places as p')
    .leftJoin('history_counts as c', (join) => join.onRef('c.place', '=', 'p.place').on('c.user_id', '=', userId ?? 0))
    .select(['p.last_n', 'c.bucket', 'c.rows', 'c.tool_events'])
    .where('p.place', '=', place)
    .orderBy('c.bucket')
    .execute()
}

async function countUpTo(database: Database, selection: Selection, after: number, lastN: number): Promise<number> {
  const { size } = await selected(database, selection)
    .select((eb) => eb.fn.countAll<number>().as('size'))
    .where('h.n', '>', after)
    .where('h.n', '<=', lastN)
    .executeTakeFirstOrThrow()
  return size
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
