import { unseal } from '#lib/seal.ts'
import type { CircuitState } from './breaker.ts'
import { priceMap, readNames, readObject, type UpstreamRow } from './store.ts'

export interface UpstreamView {
  id: string
  name: string
  kind: string
  endpoint: string
  has_secret: boolean
  /** Its last four characters; empty when it is short, absent, or was sealed with another master secret. */
  secret_hint: string
  models: string[]
  model_map: Record<string, string>
  /** Micros of a US dollar per million tokens. */
  prices: Record<string, { input: number; output: number; cached_input?: number }>
  weight: number
  priority: number
  enabled: boolean
  source: 'environment' | 'admin'
  /** Of its circuit; disabled upstreams have none. */
  health?: CircuitState
  created_at: string
  updated_at: string
}

const shortestHinted = 16

/** What an administrator sees of a row. The secret itself never leaves. */
export function present(
  row: UpstreamRow,
  options: { secretKey: Buffer; listed: readonly string[]; health?: CircuitState },
): UpstreamView {
  const secret = row.secret === null ? '' : (unseal(options.secretKey, row.secret) ?? '')
  const stored = readNames(row.models)
  return {
    id: row.public_id,
    name: row.name,
    kind: row.kind,
    endpoint: row.endpoint,
    has_secret: row.secret !== null,
    secret_hint: secret.length >= shortestHinted ? secret.slice(-4) : '',
    models: stored.length > 0 ? stored : [...options.listed],
    model_map: readObject(row.model_map) as Record<string, string>,
    prices: Object.fromEntries(
      [...priceMap(row.prices)].map(([name, { input, output, cachedInput }]) => [
        name,
        { input, output, ...(cachedInput !== undefined && { cached_input: cachedInput }) },
      ]),
    ),
    weight: row.weight,
    priority: row.priority,
    enabled: row.enabled === 1,
    source: row.source,
    ...(options.health !== undefined && { health: options.health }),
    created_at: new Date(row.created_at).toISOString(),
    updated_at: new Date(row.updated_at).toISOString(),
  }
}
