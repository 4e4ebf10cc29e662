import { createHmac } from 'node:crypto'
import { SignJWT } from 'jose'
import type { Scope } from '#contracts/index.ts'
import { AppError } from '#errors/index.ts'
import { restoreScopes, storeScopes } from '#features/keys/index.ts'
import { deriveKey } from '#lib/seal.ts'
import { isUuid } from '#lib/uuid.ts'
import { issuer, verifyOwn } from './tokens.ts'

/** `access` is a credential like the key; `refresh` only makes new ones, and only together with the key. */
export type KeyTokenUse = 'access' | 'refresh'

export interface KeyTokenClaims {
  /** Public id. */
  keyId: string
  /** Of the key's secret at the time: after a rotation it is another. */
  mark: string
  scopes: ReadonlySet<Scope>
  /** Unix ms. */
  expiresAt: number
}

const types: Record<KeyTokenUse, string> = { access: 'key+jwt', refresh: 'key-refresh+jwt' }

/** What stands in the header of a token that was given for a key. */
export const keyTokenType = types.access

/** Makes and reads tokens that were given for API keys. The key's row decides whether they still count. */
export function keyTokens(secret: string) {
  const signingKey = deriveKey(secret, 'key-tokens')
  const markKey = deriveKey(secret, 'key-marks')

  return {
    sign(use: KeyTokenUse, claims: KeyTokenClaims, now: number): Promise<string> {
      return new SignJWT({ scope: storeScopes(claims.scopes), mark: claims.mark })
        .setProtectedHeader({ alg: 'HS256', typ: types[use] })
        .setSubject(claims.keyId)
        .setIssuer(issuer)
        .setAudience(issuer)
        .setIssuedAt(Math.floor(now / 1000))
        .setExpirationTime(Math.floor(claims.expiresAt / 1000))
        .sign(signingKey)
    },

    /** Throws `unauthenticated`. */
    async verify(use: KeyTokenUse, token: string, now: number): Promise<KeyTokenClaims> {
      const { sub, exp, scope, mark } = await verifyOwn(token, signingKey, types[use], ['scope', 'mark'], now)
      if (typeof scope !== 'string' || typeof mark !== 'string' || !isUuid(sub))
        throw new AppError('unauthenticated', 'Invalid token')
      return { keyId: sub, mark, scopes: restoreScopes(scope), expiresAt: exp * 1000 }
    },

    /** Tells one secret of a key from the next without telling anything of it: a given secret may be easy to guess. */
    markOf(keyHash: string): string {
      return createHmac('sha256', markKey).update(keyHash).digest('base64url')
    },
  }
}

export type KeyTokens = ReturnType<typeof keyTokens>
