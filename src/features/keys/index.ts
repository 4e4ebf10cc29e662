/**
 * API keys: made, shown once, narrowed, rotated, revoked. Only their hashes are kept. A key never makes or becomes
 * something wider than the credential that was used. Recognising a key on a request is features/auth's.
 */
import { bind } from '#lib/bind.ts'
import { createKey, getKey, type KeysDeps, listKeys, revokeKeyOf, rotateKey, updateKeyOf } from './keys.ts'
import { keyStats } from './stats.ts'

export type { KeyChange, KeyInput, KeysDeps } from './keys.ts'
export { checkGivenKey, looksLikeJwt, type MadeKey, makeKey, mostKeyRate } from './make-key.ts'
export type { PresentedKey } from './present.ts'
export { allScopes, isWithin, readScopes, restoreScopes, storeScopes } from './scopes.ts'
export { addUses, insertKey, isKnownHash } from './store.ts'

export type Keys = ReturnType<typeof keys>

export function keys(deps: KeysDeps) {
  return {
    create: bind(deps, createKey),
    list: bind(deps, listKeys),
    get: bind(deps, getKey),
    update: bind(deps, updateKeyOf),
    revoke: bind(deps, revokeKeyOf),
    rotate: bind(deps, rotateKey),
    stats: bind(deps, keyStats),
  }
}
