import type { WorkspaceRole } from '#contracts/index.ts'
import { AppError } from '#errors/index.ts'
import { restoreScopes } from '#features/keys/index.ts'
import type { AuthPrincipal } from './authenticate.ts'
import type { KeyTokenClaims, KeyTokens } from './key-tokens.ts'
import type { KeyAuthority } from './store.ts'

/** Whoever holds a key. Throws `unauthenticated` for one that does not count any more. */
export function keyPrincipal(row: KeyAuthority | undefined, now: number): AuthPrincipal {
  if (!row || row.revoked_at !== null || row.disabled !== 0) throw new AppError('unauthenticated', 'Invalid API key')
  if (row.expires_at !== null && row.expires_at <= now) throw new AppError('unauthenticated', 'The API key has expired')
  return {
    method: 'api-key',
    user: { id: row.user_id, publicId: row.user_public_id },
    workspace: { id: row.workspace_id, publicId: row.workspace_public_id },
    role: row.role as WorkspaceRole,
    scopes: restoreScopes(row.scopes),
    key: { id: row.id, publicId: row.public_id, ratePerMinute: row.rate_limit },
  }
}

/** Whoever holds a token that was given for a key: the key as it is now, with at most what the token says. */
export function keyTokenPrincipal(
  row: KeyAuthority | undefined,
  claims: KeyTokenClaims,
  keyTokens: KeyTokens,
  now: number,
): AuthPrincipal {
  const principal = keyPrincipal(row, now)
  if (keyTokens.markOf(row!.key_hash) !== claims.mark) throw new AppError('unauthenticated', 'Invalid token')
  return {
    ...principal,
    scopes: claims.scopes.intersection(principal.scopes),
    key: { ...principal.key!, token: true },
    keyToken: claims,
  }
}
