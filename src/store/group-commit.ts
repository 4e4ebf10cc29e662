import type { ContendedTable, OutboxEvent, Transaction } from './database.ts'

export type LaneTransaction = Omit<Transaction, 'tell' | 'atEnd'>

/** One connection that can hold a transaction open. */
export interface Lane {
  begin(): Promise<void> | void
  commit(): Promise<void> | void
  rollback(): Promise<void> | void
  /** The transaction's face; what the units of a group share is given by the group. */
  tx: LaneTransaction
  /** Resolves when everything committed so far survives a power failure. */
  durable(): Promise<void>
}

export interface GroupCommitOptions {
  lanes: Lane[]
  /** Writes what subscribers are to be told, within the transaction. */
  writeOutbox(tx: LaneTransaction, events: OutboxEvent[]): Promise<void>
  /** Whether the database gave up a transaction for the sake of another one, and would take it now. */
  gaveWay(thrown: unknown): boolean
  /** Translates a driver's failure (not one thrown by a unit itself). */
  translate(thrown: unknown): unknown
}

interface Unit {
  work(tx: Transaction): Promise<unknown> | unknown
  resolve(value: unknown): void
  reject(reason: unknown): void
}

/**
 * Group commit: all writes waiting when a lane is free go into one transaction, so that under load many share one
 * BEGIN, one COMMIT and one fsync. If any unit of a group fails, the group is rolled back and each unit is run again
 * in a transaction of its own: only the guilty one is refused.
 */
export function groupCommit(options: GroupCommitOptions) {
  const waiting: Unit[] = []
  const idle = [...options.lanes]
  let drained: (() => void)[] = []
  let inFlight = 0
  let gathering = false
  /** When the first of those that wait has waited long enough, and the last group began; performance.now() both. */
  let dueAt = Number.POSITIVE_INFINITY
  let begunAt = Number.NEGATIVE_INFINITY
  let timer: NodeJS.Timeout | undefined

  function write<T>(work: (tx: Transaction) => Promise<T> | T, patienceMs = 0): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      waiting.push({ work, resolve: resolve as (value: unknown) => void, reject })
      waitUntil(patienceMs === 0 ? 0 : begunAt + patienceMs)
    })
  }

  /** At `at`, at the latest, what waits begins to be written. */
  function waitUntil(at: number): void {
    if (gathering || at >= dueAt) return
    dueAt = at
    const left = at - performance.now()
    clearTimeout(timer)
    if (left <= 0) startGathering()
    else timer = setTimeout(startGathering, left)
  }

  function hurry(): void {
    if (waiting.length > 0) waitUntil(0)
  }

  /**
   * A group is worth waiting for while it grows: it is written when the event loop has gone round without bringing
   * another write, and after `gatherMs` at the latest.
   */
  function startGathering(): void {
    if (gathering) return
    gathering = true
    let seen = 0
    const until = performance.now() + gatherMs
    const look = () => {
      if (waiting.length === seen || waiting.length >= maxGroup || performance.now() >= until) return dispatch()
      seen = waiting.length
      setImmediate(look)
    }
    setImmediate(look)
  }

  function dispatch(): void {
    gathering = false
    while (waiting.length > 0 && idle.length > 0) {
      begunAt = performance.now()
      const lane = idle.pop()!
      const units = waiting.splice(0, maxGroup)
      inFlight++
      void runGroup(lane, units).finally(() => {
        inFlight--
        if (inFlight === 0 && waiting.length === 0) {
          for (const wake of drained) wake()
          drained = []
        }
      })
    }
    // Who is left has waited long enough: the next free lane is theirs.
    dueAt = waiting.length > 0 ? 0 : Number.POSITIVE_INFINITY
  }

  function release(lane: Lane): void {
    idle.push(lane)
    if (waiting.length > 0 && dueAt <= performance.now()) startGathering()
  }

  async function runGroup(lane: Lane, units: Unit[]): Promise<void> {
    let results: unknown[] | undefined
    let failure: unknown
    try {
      results = await attempt(lane, units)
    } catch (thrown) {
      failure = thrown
    }
    if (results) {
      try {
        // The lane stays taken until the disk has answered: what comes meanwhile makes the next group, and the busier
        // the server the fewer commits a write costs.
        await lane.durable()
        for (let i = 0; i < units.length; i++) units[i]!.resolve(results[i])
      } catch (thrown) {
        for (const unit of units) unit.reject(options.translate(thrown))
      }
    } else if (units.length === 1 && !options.gaveWay(failure)) units[0]!.reject(options.translate(failure))
    else for (const unit of units) await runAlone(lane, unit)
    release(lane)
  }

  async function runAlone(lane: Lane, unit: Unit): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        const [result] = await attempt(lane, [unit])
        await lane.durable()
        return unit.resolve(result)
      } catch (thrown) {
        if (tries === mostTries || !options.gaveWay(thrown)) return unit.reject(options.translate(thrown))
      }
    }
  }

  async function attempt(lane: Lane, units: Unit[]): Promise<unknown[]> {
    const told: OutboxEvent[] = []
    const ends: End[] = []
    const tx: Transaction = {
      ...lane.tx,
      tell: (event) => void told.push(event),
      atEnd: (table, key, work) => void ends.push({ table, key, work }),
    }
    await lane.begin()
    try {
      const results: unknown[] = []
      for (const unit of units) results.push(await unit.work(tx))
      for (const { work } of ends.sort(inOneOrder)) await work()
      if (told.length > 0) await options.writeOutbox(tx, told)
      await lane.commit()
      return results
    } catch (thrown) {
      await lane.rollback()
      throw thrown
    }
  }

  /** Resolves when nothing is waiting or under way. */
  function drain(): Promise<void> {
    if (inFlight === 0 && waiting.length === 0) return Promise.resolve()
    hurry()
    return new Promise((resolve) => drained.push(resolve))
  }

  return { write, hurry, drain }
}

/** What a unit has left for the end of its group. */
interface End {
  table: ContendedTable
  key: number
  work(): unknown
}

/** Of one row in the order in which they were asked for. */
function inOneOrder(a: End, b: End): number {
  return a.table === b.table ? a.key - b.key : a.table < b.table ? -1 : 1
}

/** Who has to give way so often in a row is told that the database is too busy. */
const mostTries = 5
/** More would keep a single transaction, and everybody waiting for it, open for too long. */
const maxGroup = 512
/** Longer, and waiting for company would be felt. */
const gatherMs = 2
