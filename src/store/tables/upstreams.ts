import type { Generated } from 'kysely'

export interface UpstreamTables {
  upstreams: UpstreamsTable
}

export interface UpstreamsTable {
  id: Generated<number>
  public_id: string
  name: string
  kind: string
  endpoint: string
  /** Sealed (lib/seal.ts); null: none. */
  secret: string | null
  /** JSON: model names offered outside. */
  models: string
  /** JSON: outside name → the upstream's own name. */
  model_map: string
  /** JSON: outside name → { input, output, cachedInput } in micros per million tokens. */
  prices: string
  weight: number
  priority: number
  enabled: number
  source: 'environment' | 'admin'
  created_at: number
  updated_at: number
}
