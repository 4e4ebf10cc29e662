import { allScopes, restoreScopes } from './scopes.ts'
import type { KeyRow } from './store.ts'

const iso = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString())

/** Everything but the key itself, which is shown once and not kept. */
export function presentKey(row: KeyRow, now: number) {
  const scopes = restoreScopes(row.scopes)
  return {
    id: row.public_id,
    name: row.name,
    description: row.description,
    workspace_id: row.workspace_public_id,
    user_id: row.user_public_id,
    key_hint: row.hint,
    scopes: scopes.size === allScopes.size ? ['*'] : [...scopes],
    rate_limit: row.rate_limit,
    expires_at: iso(row.expires_at),
    is_active: row.expires_at === null || row.expires_at > now,
    usage_count: row.usage_count,
    last_used_at: iso(row.last_used_at),
    created_at: iso(row.created_at),
  }
}

export type PresentedKey = ReturnType<typeof presentKey>
