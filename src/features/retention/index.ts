/**
 * How long text is kept, what a hold keeps, and what becomes of a person's text when he wants it gone or handed out. Usage and
 * money stay exact whatever is removed. `stores/` says of every table what it holds.
 */
import type { Principal } from '#contracts/index.ts'
import { bind } from '#lib/bind.ts'
import { withinMs } from '#lib/within.ts'
import { eraseByAge } from './by-age.ts'
import type { RetentionDeps } from './deps.ts'
import { eraseMember, eraseOwn, eraseUser, type Requested, viewErasure } from './erasures.ts'
import { exportOwn } from './export.ts'
import { liftHold, listHolds, placeHold } from './holds.ts'
import { keepFor, keptDays } from './keeping.ts'
import { reopenIfLate, runErasure } from './run-erasure.ts'
import { type ErasureView, findErasure, recentErasures, runningErasures, toView } from './store.ts'
import { textStores } from './stores/index.ts'

export type { RetentionDeps } from './deps.ts'
export type { Hold, HoldInput } from './holds.ts'
export { presentErasure, presentHold } from './present.ts'
export type { ErasureView } from './store.ts'

export type Retention = ReturnType<typeof retention>

const hourMs = 3_600_000
const minuteMs = 60_000
/** A pass by age ends after so long, and goes on a minute later. */
const passMs = minuteMs
/** For whom an erasure may still have something to come: no answer takes longer. */
const lateMs = 24 * hourMs
/** Who asks for an erasure waits for it so long. */
const answerMs = 10_000

export function retention(deps: RetentionDeps) {
  const { database, log } = deps
  const stores = textStores(deps)
  const running = new Map<number, Promise<void>>()
  let stopped = false
  let passing: Promise<void> | undefined
  let again = false
  let timer: NodeJS.Timeout | undefined

  /** One run of an erasure at a time in this process; never rejects. */
  function run(id: number): Promise<void> {
    const known = running.get(id)
    if (known) return known
    const task = runErasure({ ...deps, stores, stopping: () => stopped }, id)
      .catch((err) => log.warn({ err, erasure: id }, 'an erasure stopped; it will be taken up again'))
      .finally(() => running.delete(id))
    running.set(id, task)
    return task
  }

  /** Answers when the erasure is complete, or after a while with how far it came. */
  function answering<A extends unknown[]>(ask: (deps: RetentionDeps, ...args: A) => Promise<Requested>) {
    return async (...args: A): Promise<ErasureView> => {
      const { id } = await ask(deps, ...args)
      await withinMs(answerMs, run(id))
      return toView((await findErasure(database, { id }))!)
    }
  }

  /** Goes on with everything that is due. A call while one is under way is served by one more after it. Never rejects. */
  function pass(): Promise<void> {
    again = true
    passing ??= passes().finally(() => {
      passing = undefined
    })
    return passing
  }

  async function passes(): Promise<void> {
    while (again && !stopped) {
      again = false
      clearTimeout(timer)
      const left = await onePass().catch((err: unknown) => {
        log.warn({ err }, 'text that is due could not be removed; it will be tried again')
        return true
      })
      if (stopped) return
      timer = setTimeout(() => void pass(), left ? minuteMs : hourMs)
      timer.unref()
    }
  }

  /** True: there is more to do soon. */
  async function onePass(): Promise<boolean> {
    for (const erasure of await recentErasures(database, deps.now() - lateMs)) await reopenIfLate(deps, erasure)
    for (const id of await runningErasures(database)) await run(id)
    const end = performance.now() + passMs
    const stopping = () => stopped || performance.now() > end
    await eraseByAge({ ...deps, stores, stopping })
    return stopping() || (await runningErasures(database)).length > 0
  }

  return {
    keptDays: bind(deps, keptDays),
    async keepFor(principal: Principal, workspaceId: string, days: number | null): Promise<void> {
      await keepFor(deps, principal, workspaceId, days)
      void pass()
    },
    placeHold: bind(deps, placeHold),
    listHolds: bind(deps, listHolds),
    async liftHold(principal: Principal, workspaceId: string, holdId: string): Promise<void> {
      await liftHold(deps, principal, workspaceId, holdId)
      void pass()
    },
    eraseOwn: answering(eraseOwn),
    eraseUser: answering(eraseUser),
    eraseMember: answering(eraseMember),
    viewErasure: bind(deps, viewErasure),
    exportOwn: bind({ ...deps, stores }, exportOwn),
    /** Goes on with what an earlier process left, and then every hour. */
    open: () => void pass(),
    pass,
    /** Ends after the batches that are under way; the next process goes on there. */
    async close(): Promise<void> {
      stopped = true
      clearTimeout(timer)
      await passing
      await Promise.all(running.values())
    },
  }
}
