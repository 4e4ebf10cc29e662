import { setImmediate as breath } from 'node:timers/promises'
import { type RawBuilder, sql } from 'kysely'
import type { Database } from '#store/index.ts'
import { selected } from './list-rows.ts'
import { rowsInAll, slotsFor } from './postings.ts'
import type { Selection } from './selection.ts'

/** So many matches are counted; of more it is said that there are at least as many. */
export const countedAtMost = 1000
/** Texts that are looked into for nothing but the count. */
const textsForCount = 1000

/** Rows looked through one by one, and candidates whose texts are looked into, in one query. */
const rowsAtOnce = 1024
const textsAtOnce = 256
/** Slots of a text that are read at once, and again where they leave so many rows of a segment: texts cost more. */
const slotsRead = 4
const manyLeft = 16
/** A search that finds much reads few segments, one that finds little soon reads many at a time. */
const segmentsAtOnce = { first: 16, most: 128 }

export interface Search {
  /** Folded, not empty. */
  text: string
  order: 'asc' | 'desc'
  /** Later rows are left out. */
  lastN: number
  /** Segments that are ready, and how many rows each has. */
  sealed: number
  segmentRows: number
}

export interface Match {
  turnId: number
  conversationId: number | null
}

export interface Found {
  /** Exact, unless there are more than `countedAtMost` or counting took too long: then what was found so far. */
  total: number
  hasMore: boolean
  matches: Match[]
}

/** A stretch of numbers, `from` and `to` included; with segments where it has been made into some. */
interface Stretch {
  from: number
  to: number
  segments?: number[]
}

/** A page of the rows that `findRows` finds. */
export async function searchRows(
  database: Database,
  selection: Selection,
  search: Search,
  page: { skip: number; take: number },
): Promise<Found> {
  const found: Found = { total: 0, hasMore: false, matches: [] }
  const end = page.skip + page.take
  // No text is in more rows than there are.
  if (page.skip >= search.lastN) return found
  let texts = 0
  for await (const { matches, looked } of findRows(database, selection, search)) {
    for (const match of matches) {
      if (found.total >= page.skip && found.total < end) found.matches.push(match)
      found.total++
    }
    if (found.total <= end) continue
    texts += looked
    if (found.total >= countedAtMost || texts >= textsForCount) break
  }
  found.hasMore = found.total > end
  return found
}

/** Some matches, and how many texts, scattered over the table, had to be looked into for them. */
interface Batch {
  matches: Match[]
  looked: number
}

/** Rows of a selection whose text contains `search.text`, in their order, a few at a time; as long as more are taken. */
export async function* findRows(database: Database, selection: Selection, search: Search): AsyncGenerator<Batch> {
  const { sealed, segmentRows } = search
  const slots = await rarestFirst(database, selection.place, sealed - 1, slotsFor(search.text))
  for (const stretch of stretchesOf(search)) {
    if (stretch.segments) {
      const candidates = await candidatesOf(database, selection, stretch, slots, segmentRows)
      const ordered = search.order === 'asc' ? candidates : candidates.reverse()
      for (let at = 0; at < ordered.length; at += textsAtOnce) {
        const numbers = ordered.slice(at, at + textsAtOnce)
        yield { matches: await containing(database, selection, search, { numbers }), looked: numbers.length }
      }
    } else yield { matches: await containing(database, selection, search, stretch), looked: 0 }
    // An embedded database reads on the event loop.
    await breath()
  }
}

/** Slots that have few rows in one segment leave few in the others too. */
async function rarestFirst(
  database: Database,
  place: number,
  segment: number,
  slots: readonly number[],
): Promise<readonly number[]> {
  if (segment < 0 || slots.length <= slotsRead) return slots
  const sizes = await database.read
    .selectFrom('history_slots')
    .select(['slot', sql<number>`length(rows)`.as('size')])
    .where('place', '=', place)
    .where('segment', '=', segment)
    .where(anyOf(database, sql.ref('slot'), slots))
    .execute()
  const sizeOf = new Map(sizes.map(({ slot, size }) => [slot, size]))
  return slots.toSorted((a, b) => (sizeOf.get(a) ?? 0) - (sizeOf.get(b) ?? 0))
}

/** All numbers up to the last one, in pieces, in the order of the search. */
function* stretchesOf({ sealed, segmentRows, order, lastN }: Search): Generator<Stretch> {
  const loose: Stretch[] = []
  for (let from = sealed * segmentRows + 1; from <= lastN; from += rowsAtOnce)
    loose.push({ from, to: Math.min(from + rowsAtOnce - 1, lastN) })
  const segments = Array.from({ length: Math.min(sealed, Math.ceil(lastN / segmentRows)) }, (_, segment) => segment)
  if (order === 'desc') {
    yield* loose.reverse()
    segments.reverse()
  }
  for (let at = 0, size = segmentsAtOnce.first; at < segments.length; at += size, size = grown(size)) {
    const some = segments.slice(at, at + size)
    const to = (Math.max(...some) + 1) * segmentRows
    yield { from: Math.min(...some) * segmentRows + 1, to: Math.min(to, lastN), segments: some }
  }
  if (order === 'asc') yield* loose
}

function grown(size: number): number {
  return Math.min(size * 2, segmentsAtOnce.most)
}

/** Numbers of rows that may match, ascending. */
async function candidatesOf(
  database: Database,
  selection: Selection,
  { from, to, segments }: Stretch,
  slots: readonly number[],
  segmentRows: number,
): Promise<number[]> {
  const ascending = segments!.toSorted((a, b) => a - b)
  let left: Candidates = new Map(ascending.map((segment) => [segment, undefined]))
  for (let at = 0; at < slots.length; at += slotsRead) {
    const wide = [...left].filter(([, numbers]) => numbers === undefined || numbers.length > manyLeft)
    if (wide.length === 0) break
    left = new Map([
      ...left,
      ...(await narrowed(database, selection.place, wide, slots.slice(at, at + slotsRead), segmentRows)),
    ])
  }
  const numbers = [...left.values()].flatMap((each) => each ?? [])
  if (numbers.length === 0 || isWholePlace(selection)) return numbers.filter((n) => n <= to)
  // Of what few people said in a busy place, few candidates remain: their texts need not be looked into.
  const own = await selected(database, selection)
    .select('h.n')
    .where('h.n', '>=', from)
    .where('h.n', '<=', to)
    .execute()
  const ours = new Set(own.map((row) => row.n))
  return numbers.filter((n) => ours.has(n))
}

/** Segments, ascending, with the rows that may match; undefined: any. */
type Candidates = Map<number, number[] | undefined>

/** Which of these rows are in all of these slots. */
async function narrowed(
  database: Database,
  place: number,
  left: readonly [number, number[] | undefined][],
  slots: readonly number[],
  segmentRows: number,
): Promise<Candidates> {
  const segments = left.map(([segment]) => segment)
  const stored = await database.read
    .selectFrom('history_slots')
    .select(['segment', 'rows'])
    .where('place', '=', place)
    .where(anyOf(database, sql.ref('segment'), segments))
    .where(anyOf(database, sql.ref('slot'), slots))
    .execute()
  const bySegment = Map.groupBy(stored, (row) => row.segment)
  return new Map(
    left.map(([segment, numbers]) => {
      const rows = bySegment.get(segment) ?? []
      // A slot that is not there has no rows.
      if (rows.length < slots.length) return [segment, []]
      const bits = rows.map((row) => row.rows)
      const inAll = rowsInAll(bits, segmentRows / 8).map((offset) => segment * segmentRows + offset + 1)
      const known = new Set(numbers)
      return [segment, numbers ? inAll.filter((n) => known.has(n)) : inAll]
    }),
  )
}

function isWholePlace({ userId, objectId, externalUserId }: Selection): boolean {
  return userId === undefined && objectId === undefined && externalUserId === undefined
}

async function containing(
  database: Database,
  selection: Selection,
  { text, order }: Search,
  where: { from: number; to: number } | { numbers: readonly number[] },
): Promise<Match[]> {
  const position = database.dialect === 'sqlite' ? sql`instr(x.text, ${text})` : sql`strpos(x.text, ${text})`
  return selected(database, selection)
    .innerJoin('history_texts as x', 'x.turn_id', 'h.turn_id')
    .select(['h.turn_id as turnId', 'h.conversation_id as conversationId'])
    .$if('from' in where, (query) => {
      const { from, to } = where as { from: number; to: number }
      return query.where('h.n', '>=', from).where('h.n', '<=', to)
    })
    .$if('numbers' in where, (query) =>
      query.where(anyOf(database, sql.ref('h.n'), (where as { numbers: readonly number[] }).numbers)),
    )
    .where(sql<boolean>`${position} > 0`)
    .orderBy('h.n', order)
    .execute()
}

/** One value to bind, however many numbers there are: the statement stays the same. */
function anyOf(database: Database, column: RawBuilder<unknown>, numbers: readonly number[]): RawBuilder<boolean> {
  return database.dialect === 'sqlite'
    ? sql<boolean>`${column} in (select value from json_each(${JSON.stringify(numbers)}))`
    : sql<boolean>`${column} = any(${numbers}::bigint[])`
}
