import type { Provider } from '#providers/spec.ts'
import type { Database } from '#store/index.ts'
import { type Breaker, breaker, type CircuitState } from './breaker.ts'
import { type Catalog, catalog } from './catalog.ts'
import { readRows, readVersion, type UpstreamRow } from './store.ts'
import { identityOf, readUpstream, type Upstream } from './upstream.ts'

export interface SnapshotDeps {
  database: Database
  now(): number
  secretKey: Buffer
  providers: Record<string, Provider>
  onHealthChange?(name: string, previous: CircuitState, state: CircuitState): void
  /** An enabled row cannot be used as it stands. */
  onUnusable?(name: string): void
}

/** The enabled upstreams in memory, with their circuits. Health belongs to what a call reaches, so it outlives a reload. */
export function snapshot(deps: SnapshotDeps) {
  let version = ''
  let rows: UpstreamRow[] = []
  let enabled: Upstream[] = []
  let names: Catalog = catalog([])
  /** What upstreams without a stored list named when asked, by row. */
  const listed = new Map<number, { identity: string; models: readonly string[] }>()
  const unusable = new Set<string>()
  let loading: Promise<void> = Promise.resolve()

  /** Reads the table if it changed. Calls are done one after the other, so that an older state never replaces a newer. */
  function reload(): Promise<void> {
    const next = loading.then(load)
    loading = next.catch(() => undefined)
    return next
  }

  async function load(): Promise<void> {
    const seen = await readVersion(deps.database.read)
    if (seen === version) return
    rows = await readRows(deps.database.read)
    version = rows.map((row) => `${row.id}:${row.updated_at}`).join()
    rebuild()
  }

  function rebuild(): void {
    const circuits = new Map(enabled.map((upstream) => [upstream.identity, upstream.breaker]))
    enabled = []
    for (const row of rows) {
      if (row.enabled !== 1) continue
      const upstream = readUpstream(row, { ...deps, listed: listedBy(row) })
      if (!upstream) tellUnusable(row)
      else enabled.push({ ...upstream, breaker: circuits.get(upstream.identity) ?? circuitOf(row.name) })
    }
    for (const [id, { identity }] of listed)
      if (!enabled.some((upstream) => upstream.id === id && upstream.identity === identity)) listed.delete(id)
    names = catalog(enabled)
  }

  function listedBy(row: UpstreamRow): readonly string[] {
    const known = listed.get(row.id)
    return known?.identity === identityOf(row) ? known.models : []
  }

  function tellUnusable(row: UpstreamRow): void {
    const state = `${row.id}:${row.updated_at}`
    if (unusable.has(state)) return
    unusable.add(state)
    deps.onUnusable?.(row.name)
  }

  function circuitOf(name: string): Breaker {
    return breaker({
      now: deps.now,
      onChange: (previous, state) => deps.onHealthChange?.(name, previous, state),
    })
  }

  return {
    reload,
    /** Keeps what an upstream listed itself, until it is another one. */
    setListed(upstream: Upstream, models: readonly string[]): void {
      listed.set(upstream.id, { identity: upstream.identity, models })
      rebuild()
    },
    listedBy,
    upstreams: (): readonly Upstream[] => enabled,
    catalog: (): Catalog => names,
  }
}
