import type { Scope } from '#contracts/index.ts'
import { AppError, invalid } from '#errors/index.ts'
import { randomToken, sha256 } from '#lib/hash.ts'
import { plainText } from '#lib/text.ts'
import { uuidv7 } from '#lib/uuid.ts'
import { storeScopes } from './scopes.ts'
import type { NewKey } from './store.ts'

const given = /^[\x21-\x7e]{16,512}$/

/** Requests a minute, ten times what one process answers: a key's own limit keeps its holder in check, not the server. */
export const mostKeyRate = 1_000_000

export interface MadeKey {
  row: NewKey
  /** The secret: shown once. */
  key: string
}

/** A row ready to be inserted, and its secret. */
export function makeKey(input: {
  workspaceId: number
  userId: number
  name: string
  description?: string
  scopes: ReadonlySet<Scope>
  rateLimit: number
  expiresAt: number | null
  now: number
  /** Used as is instead of a random one. */
  key?: string
}): MadeKey {
  const key = input.key ?? newSecret()
  return {
    key,
    row: {
      publicId: uuidv7(input.now),
      workspaceId: input.workspaceId,
      userId: input.userId,
      name: plainText('name', input.name, 200),
      description: plainText('description', input.description ?? '', 2000, 0),
      hash: sha256(key),
      hint: hintOf(key),
      scopes: storeScopes(input.scopes),
      rateLimit: input.rateLimit,
      expiresAt: input.expiresAt,
      now: input.now,
    },
  }
}

/** Tells the two kinds of bearer apart: `{"` in base64url, and parts. No key of ours looks like this. */
export function looksLikeJwt(bearer: string): boolean {
  return bearer.startsWith('eyJ') && bearer.includes('.')
}

/** `parley_` and 256 random bits. */
export function newSecret(): string {
  return randomToken(32, 'parley_')
}

/** Enough to tell one's keys apart, too little to help a guess. */
export function hintOf(key: string): string {
  return key.slice(0, key.startsWith('parley_') ? 11 : 4)
}

/** Throws `invalid-request` for a secret, chosen by the operator, that could not be sent or is too easy to guess. */
export function checkGivenKey(field: string, key: string): void {
  if (!given.test(key)) throw invalid(field, `${field} must have 16 to 512 visible ASCII characters`)
  if (looksLikeJwt(key))
    throw new AppError('invalid-request', `${field} must not look like a JWT`, { details: { field } })
}
