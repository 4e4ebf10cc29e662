import type { Principal } from '#contracts/index.ts'
import type { App } from '#features/apps/index.ts'
import { ExpiringCache } from '#lib/expiring-cache.ts'
import type { Database, Transaction } from '#store/index.ts'
import type { HistoryEntry } from './entry.ts'
import { fold } from './fold.ts'
import { forgetTurns, indexTurns } from './index-turns.ts'
import { listRows } from './list-rows.ts'
import { loadEntries } from './load-entries.ts'
import { sealer, segmentRows } from './seal.ts'
import { countedAtMost, findRows, type Match, searchRows } from './search-rows.ts'
import { type HistoryFilter, placeOf, type Selection, select } from './selection.ts'

export interface HistoryDeps {
  database: Database
  now(): number
  log: { warn(fields: object, message: string): void }
  /** Runs what still waits to be put into the history. Must not throw. */
  catchUp(): Promise<void>
  /** Only tests take another than 4,096; a multiple of 8. */
  segmentRows?: number
}

/** Pages are counted from 1. */
export interface PageAsk {
  number: number
  size: number
  order: 'asc' | 'desc'
}

export interface HistoryPage {
  /** Of a search exact unless there are many; then what was found so far. */
  total: number
  hasMore: boolean
  entries: HistoryEntry[]
}

type HistoryApp = Pick<App, 'id' | 'workspace'>

const nothing: HistoryPage = { total: 0, hasMore: false, entries: [] }
/** Entries read at once where all are wanted. */
const entriesAtOnce = 100
/** Who pages backwards is remembered for so long, and so many of them. */
const viewOptions = { ttlMs: 300_000, maxEntries: 10_000 }

/**
 * The history of apps: ended turns in the order of their ends, by pages and by what they contain. Written after each
 * settlement (`index`), read by whoever may.
 */
export function history(deps: HistoryDeps) {
  const { database } = deps
  const segment = deps.segmentRows ?? segmentRows
  const seals = sealer({ database, log: deps.log, segmentRows: segment })
  /** The number of the newest row that somebody saw on a first page: what comes later does not shift the next ones. */
  const views = new ExpiringCache<number>({ ...viewOptions, now: deps.now })

  /** A page of what the principal may see of what is asked for; nothing of an app that is not the caller's. */
  async function page(
    principal: Principal,
    app: HistoryApp,
    filter: HistoryFilter,
    ask: PageAsk,
  ): Promise<HistoryPage> {
    const selection = await select(database, principal, app, filter)
    if (!selection) return nothing
    await deps.catchUp()
    const newest = await lastNumber(selection.place)
    // Rows are added at the end: pages from the beginning stay what they are.
    if (ask.order === 'asc') return read(selection, filter, ask, newest)
    const view = JSON.stringify([principal.user.id, selection, filter.text, ask.size])
    const seen = ask.number === 1 ? undefined : views.get(view)
    const found = await read(selection, filter, ask, seen ?? newest)
    // Behind the end of what was seen the rows that came since may have pushed something.
    const isBehind = seen !== undefined && found.entries.length === 0
    views.set(view, isBehind ? newest : (seen ?? newest), views.epoch)
    return isBehind ? read(selection, filter, ask, newest) : found
  }

  async function read(
    selection: Selection,
    filter: HistoryFilter,
    { number, size, order }: PageAsk,
    lastN: number,
  ): Promise<HistoryPage> {
    const skip = (number - 1) * size
    const text = fold(filter.text ?? '')
    if (text !== '') {
      const search = { text, order, lastN }
      const { matches, total, hasMore } = await searchRows(database, selection, search, { skip, take: size }, segment)
      return { total, hasMore, entries: await entriesOf(matches.map((match) => match.turnId)) }
    }
    const { total, slice } = await listRows(database, selection, lastN)
    const take = Math.min(size, total - skip)
    if (take <= 0) return { total, hasMore: false, entries: [] }
    const keys = await slice(order === 'asc' ? skip : total - skip - take, take)
    const entries = await entriesOf(order === 'asc' ? keys : keys.reverse())
    return { total, hasMore: skip + take < total, entries }
  }

  /** All that the principal may see of what is asked for, oldest first, a hundred at a time. */
  async function* entries(
    principal: Principal,
    app: HistoryApp,
    filter: HistoryFilter,
  ): AsyncGenerator<HistoryEntry[]> {
    const selection = await select(database, principal, app, filter)
    if (!selection) return
    await deps.catchUp()
    const lastN = await lastNumber(selection.place)
    const text = fold(filter.text ?? '')
    if (text !== '') {
      for await (const { matches } of findRows(database, selection, { text, order: 'asc', lastN }, segment))
        for (let at = 0; at < matches.length; at += entriesAtOnce)
          yield entriesOf(matches.slice(at, at + entriesAtOnce).map((match) => match.turnId))
      return
    }
    const { total, slice } = await listRows(database, selection, lastN)
    for (let at = 0; at < total; at += entriesAtOnce) yield entriesOf(await slice(at, entriesAtOnce))
  }

  /**
   * Keys of the principal's own conversations in which this was said, with these apps (null: with none), newest first;
   * of each app those of the newest 1,000 turns that say it.
   */
  async function conversationsSaying(
    principal: Principal,
    appIds: readonly (number | null)[],
    said: string,
  ): Promise<number[]> {
    await deps.catchUp()
    const found = new Set<number>()
    for (const appId of appIds) {
      const place = placeOf({ appId, workspaceId: principal.workspace.id })
      const selection = { place, userId: principal.user.id, withoutToolEvents: false }
      for (const { conversationId } of await newestSaying(selection, fold(said)))
        if (conversationId !== null) found.add(conversationId)
    }
    return [...found]
  }

  async function newestSaying(selection: Selection, text: string): Promise<Match[]> {
    const lastN = await lastNumber(selection.place)
    if (text === '' || (await listRows(database, selection, lastN)).total === 0) return []
    const search = { text, order: 'desc' as const, lastN }
    return (await searchRows(database, selection, search, { skip: 0, take: countedAtMost }, segment)).matches
  }

  async function lastNumber(place: number): Promise<number> {
    const row = await database.read
      .selectFrom('history_places')
      .select('last_n')
      .where('place', '=', place)
      .executeTakeFirst()
    return row?.last_n ?? 0
  }

  function entriesOf(keys: readonly number[]): Promise<HistoryEntry[]> {
    return loadEntries(database, keys)
  }

  return {
    page,
    entries,
    conversationsSaying,
    /** Puts settled turns into the history, in the transaction that says so. `ready` afterwards, when it is committed. */
    index: (tx: Transaction, turnIds: readonly number[]) => indexTurns(tx, turnIds),
    /** Makes in the background what there is now searchable without looking through it. */
    ready: seals.wake,
    /** Resolves when all that can be is. */
    seal: seals.seal,
    /** Takes turns out of the history, with the transaction that removes what they said. */
    forget: (tx: Transaction, turnIds: readonly number[]) => forgetTurns(tx, turnIds),
    close: seals.close,
  }
}

export type History = ReturnType<typeof history>
