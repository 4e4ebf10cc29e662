import type { Principal } from '#contracts/index.ts'
import type { App } from '#features/apps/index.ts'
import { ExpiringCache } from '#lib/expiring-cache.ts'
import type { Database, Transaction } from '#store/index.ts'
import type { HistoryEntry } from './entry.ts'
import { fold } from './fold.ts'
import { forgetTurns, indexTurns } from './index-turns.ts'
import { listRows, readPlace } from './list-rows.ts'
import { loadEntries } from './load-entries.ts'
import { sealer, segmentRows } from './seal.ts'
import { countedAtMost, findRows, type Match, type Search, searchRows } from './search-rows.ts'
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
    // Rows are added at the end: pages from the beginning stay what they are.
    if (ask.order === 'asc') return (await read(selection, filter, ask)).page
    const view = JSON.stringify([principal.user.id, selection, filter.text, ask.size])
    const seen = ask.number === 1 ? undefined : views.get(view)
    let found = await read(selection, filter, ask, seen)
    // Behind the end of what was seen the rows that came since may have pushed something.
    if (seen !== undefined && found.page.entries.length === 0) found = await read(selection, filter, ask)
    views.set(view, found.lastN, views.epoch)
    return found.page
  }

  async function read(
    selection: Selection,
    filter: HistoryFilter,
    { number, size, order }: PageAsk,
    seen?: number,
  ): Promise<{ page: HistoryPage; lastN: number }> {
    const skip = (number - 1) * size
    const text = fold(filter.text ?? '')
    if (text !== '') {
      const search = await searchFor(selection, text, order, seen)
      const { matches, total, hasMore } = await searchRows(database, selection, search, { skip, take: size })
      const entries = await loadEntries(database, keysOf(matches))
      return { lastN: search.lastN, page: { total, hasMore, entries } }
    }
    const { lastN, total, slice } = await listRows(database, selection, seen)
    const take = Math.min(size, total - skip)
    if (take <= 0) return { lastN, page: { total, hasMore: false, entries: [] } }
    const keys = await slice(order === 'asc' ? skip : total - skip - take, take)
    const entries = await loadEntries(database, order === 'asc' ? keys : keys.reverse())
    return { lastN, page: { total, hasMore: skip + take < total, entries } }
  }

  async function searchFor(selection: Selection, text: string, order: 'asc' | 'desc', seen?: number): Promise<Search> {
    const { lastN, sealed } = await readPlace(database, selection.place)
    return { text, order, lastN: Math.min(seen ?? lastN, lastN), sealed, segmentRows: segment }
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
    const text = fold(filter.text ?? '')
    if (text !== '') {
      const search = await searchFor(selection, text, 'asc')
      for await (const { matches } of findRows(database, selection, search))
        for (let at = 0; at < matches.length; at += entriesAtOnce)
          yield loadEntries(database, keysOf(matches.slice(at, at + entriesAtOnce)))
      return
    }
    const { total, slice } = await listRows(database, selection)
    for (let at = 0; at < total; at += entriesAtOnce) yield loadEntries(database, await slice(at, entriesAtOnce))
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
    const text = fold(said)
    const found = new Set<number>()
    for (const appId of text === '' ? [] : appIds) {
      const place = placeOf({ appId, workspaceId: principal.workspace.id })
      const selection = { place, userId: principal.user.id, withoutToolEvents: false }
      if ((await listRows(database, selection)).total === 0) continue
      const search = await searchFor(selection, text, 'desc')
      const { matches } = await searchRows(database, selection, search, { skip: 0, take: countedAtMost })
      for (const { conversationId } of matches) if (conversationId !== null) found.add(conversationId)
    }
    return [...found]
  }

  return {
    page,
    entries,
    conversationsSaying,
    /** Puts settled turns into the history, in the transaction that says so. `ready` afterwards, when it is committed. */
    index: (tx: Transaction, turnIds: readonly number[]) => indexTurns(tx, database.dialect, turnIds),
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

function keysOf(matches: readonly Match[]): number[] {
  return matches.map((match) => match.turnId)
}
