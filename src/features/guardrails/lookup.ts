import type { Guardrail } from '#contracts/index.ts'
import type { Database } from '#store/index.ts'
import { type ActiveRow, activeStamp, listActiveRows } from './store.ts'

export interface LookupDeps {
  database: Database
  now(): number
}

/** The rules in force of one workspace. */
interface Known {
  stamp: string
  /** Unix ms. */
  until: number
  rows: readonly ActiveRow[]
  /** By app that has rules of its own, 0 for all others and none: the rules of a turn with it. */
  byApp: ReadonlyMap<number, readonly Guardrail[]>
}

const believedMs = 5_000
/** Of those that have rules, and of those that have none. */
const most = { guarded: 500, unguarded: 10_000 }
const none: readonly Guardrail[] = []

/** The rules in force, remembered for some seconds: every turn asks for them, and most have none. */
export function guardrailLookup({ database, now }: LookupDeps) {
  const guarded = new Map<number, Known>()
  const unguarded = new Map<number, Known>()
  let epoch = 0

  /**
   * The rules that a turn of this workspace, with this app, is held to; empty: none. At once when they are known. As long
   * as nothing was changed it is the same list, so that what was made of it can be kept with it.
   */
  function forTurn(workspaceId: number, appId?: number): readonly Guardrail[] | Promise<readonly Guardrail[]> {
    const found = unguarded.get(workspaceId) ?? guarded.get(workspaceId)
    const left = found ? found.until - now() : 0
    // More than was given is left after a clock was set back: then it is looked at again.
    if (found && left > 0 && left <= believedMs) return rulesOf(found, appId)
    return load(workspaceId, found).then((loaded) => rulesOf(loaded, appId))
  }

  async function load(workspaceId: number, before: Known | undefined): Promise<Known> {
    const readIn = epoch
    const stamp = await activeStamp(database, workspaceId)
    const unchanged = before?.stamp === stamp
    const rows = unchanged ? before.rows : stamp === '' ? [] : await listActiveRows(database, workspaceId)
    const loaded: Known = { stamp, until: now() + believedMs, rows, byApp: unchanged ? before.byApp : listsOf(rows) }
    // What was read before a change must not be kept after it.
    if (readIn === epoch) keep(workspaceId, loaded)
    return loaded
  }

  function keep(workspaceId: number, loaded: Known): void {
    guarded.delete(workspaceId)
    unguarded.delete(workspaceId)
    if (guarded.size >= most.guarded) guarded.clear()
    if (unguarded.size >= most.unguarded) unguarded.clear()
    const kept = loaded.rows.length > 0 ? guarded : unguarded
    kept.set(workspaceId, loaded)
  }

  return {
    forTurn,
    forget(): void {
      epoch++
      guarded.clear()
      unguarded.clear()
    },
  }
}

export type GuardrailLookup = ReturnType<typeof guardrailLookup>

function rulesOf({ byApp }: Known, appId = 0): readonly Guardrail[] {
  return byApp.get(appId) ?? byApp.get(0) ?? none
}

/** Apps without rules of their own share one list: what is made of a list takes much memory, and apps come and go. */
function listsOf(rows: readonly ActiveRow[]): ReadonlyMap<number, readonly Guardrail[]> {
  const shared = rows.filter((row) => row.appId === null).map(({ rule }) => rule)
  const lists = new Map<number, Guardrail[]>(shared.length > 0 ? [[0, shared]] : [])
  for (const { appId, rule } of rows) {
    if (appId === null) continue
    const own = lists.get(appId) ?? [...shared]
    own.push(rule)
    lists.set(appId, own)
  }
  return lists
}
