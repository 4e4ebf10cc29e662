import { setImmediate as breath } from 'node:timers/promises'
import { sql } from 'kysely'
import type { Database } from '#store/index.ts'
import { encodeRows, markText, slotCount } from './postings.ts'

/** As many rows of a place become a segment; fewer are looked through one by one. */
export const segmentRows = 4096

/** Texts read, and slots written, between two breaths of the event loop. */
const textsAtOnce = 64
const slotsAtOnce = 500

export interface SealDeps {
  database: Database
  log: { warn(fields: object, message: string): void }
  /** Only tests take another than `segmentRows`; a multiple of 8. */
  segmentRows: number
}

/**
 * Makes segments of rows that have become many enough, in the background. Several processes may do the same at once:
 * what they write is the same.
 */
export function sealer({ database, log, segmentRows }: SealDeps) {
  let running: Promise<void> | undefined
  let again = false
  let stopped = false

  /** Seals all that is ready; resolves when nothing is. */
  function seal(): Promise<void> {
    again = true
    running ??= passes().finally(() => {
      running = undefined
    })
    return running
  }

  async function passes(): Promise<void> {
    while (again && !stopped) {
      again = false
      const ready = await database.read
        .selectFrom('history_places')
        .select(['place', 'sealed'])
        .where(sql<boolean>`last_n >= (sealed + 1) * ${segmentRows}`)
        .execute()
      for (const { place, sealed } of ready) {
        if (stopped) return
        await sealSegment(place, sealed)
        again = true
      }
    }
  }

  async function sealSegment(place: number, segment: number): Promise<void> {
    const stride = segmentRows / 8
    const table = new Uint8Array(slotCount * stride)
    const first = segment * segmentRows + 1
    for (let n = first; n < first + segmentRows && !stopped; n += textsAtOnce) {
      for (const row of await textsBetween(place, n, Math.min(n + textsAtOnce, first + segmentRows)))
        markText(table, stride, row.n - first, row.text)
      await breath()
    }
    for (let slot = 0; slot < slotCount && !stopped; ) {
      const values: { place: number; segment: number; slot: number; rows: Uint8Array }[] = []
      for (; slot < slotCount && values.length < slotsAtOnce; slot++) {
        const rows = encodeRows(table.subarray(slot * stride, (slot + 1) * stride))
        if (rows) values.push({ place, segment, slot, rows })
      }
      if (values.length > 0)
        await database.write((tx) =>
          tx.db
            .insertInto('history_slots')
            .values(values)
            .onConflict((conflict) => conflict.doNothing())
            .execute(),
        )
    }
    if (stopped) return
    await database.write((tx) =>
      tx.db
        .updateTable('history_places')
        .set({ sealed: segment + 1 })
        .where('place', '=', place)
        .where('sealed', '=', segment)
        .execute(),
    )
  }

  function textsBetween(place: number, from: number, to: number) {
    return database.read
      .selectFrom('history_rows as h')
      .innerJoin('history_texts as x', 'x.turn_id', 'h.turn_id')
      .select(['h.n', 'x.text'])
      .where('h.place', '=', place)
      .where('h.n', '>=', from)
      .where('h.n', '<', to)
      .execute()
  }

  return {
    seal,
    /** Looks for what is ready; what cannot be written now is found the next time. */
    wake(): void {
      if (!stopped) seal().catch((err) => log.warn({ err }, 'a segment of the history could not be written'))
    },
    /** What is half done is done again by the next process. */
    async close(): Promise<void> {
      stopped = true
      await running?.catch(() => undefined)
    },
  }
}
