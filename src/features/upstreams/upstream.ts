import type { Price } from '#contracts/index.ts'
import { unseal } from '#lib/seal.ts'
import type { Endpoint, Provider } from '#providers/spec.ts'
import type { Breaker } from './breaker.ts'
import { priceMap, readNames, readObject, type UpstreamRow } from './store.ts'

/** An enabled upstream as calls are made on it. */
export interface Upstream {
  id: number
  name: string
  kind: string
  provider: Provider
  endpoint: Endpoint
  source: 'environment' | 'admin'
  /** The upstream's own names, as it or its administrator listed them; empty: not known. */
  models: readonly string[]
  /** An administrator wrote the list: nothing else is offered. */
  pinned: boolean
  /** Outside name → the upstream's own. */
  modelMap: ReadonlyMap<string, string>
  prices: ReadonlyMap<string, Price>
  /** No list price applies: the model runs on the operator's own machine. */
  unpriced: boolean
  weight: number
  priority: number
  createdAt: number
  breaker: Breaker
  /** Changes with what a call reaches: another one has a health of its own. */
  identity: string
}

/**
 * A row → the upstream, or undefined when nothing can be called with it (unknown kind, secret sealed with another key).
 * `listed` is what it named itself when asked, for a row that keeps no list.
 */
export function readUpstream(
  row: UpstreamRow,
  options: { providers: Record<string, Provider>; secretKey: Buffer; listed: readonly string[] },
): Omit<Upstream, 'breaker'> | undefined {
  if (!Object.hasOwn(options.providers, row.kind)) return undefined
  const secret = row.secret === null ? undefined : unseal(options.secretKey, row.secret)
  if (row.secret !== null && secret === undefined) return undefined
  const stored = readNames(row.models)
  const pinned = row.source === 'admin' && stored.length > 0
  return {
    id: row.id,
    name: row.name,
    kind: row.kind,
    provider: options.providers[row.kind]!,
    endpoint: { url: row.endpoint, ...(secret !== undefined && { secret }) },
    source: row.source,
    models: stored.length > 0 ? stored : options.listed,
    pinned,
    modelMap: new Map(Object.entries(readObject(row.model_map)) as [string, string][]),
    prices: priceMap(row.prices),
    unpriced: row.kind === 'builtin' || row.name === 'ollama' || /^https?:\/\/[^/]+:11434(\/|$)/.test(row.endpoint),
    weight: row.weight,
    priority: row.priority,
    createdAt: row.created_at,
    identity: identityOf(row),
  }
}

export function identityOf(row: UpstreamRow): string {
  return `${row.id} ${row.name} ${row.kind} ${row.endpoint} ${row.secret}`
}
