import { createHmac, timingSafeEqual } from 'node:crypto'
import { AppError, invalid } from '#errors/index.ts'
import type { SignOptions } from './blobs.ts'
import { checkFilename } from './key.ts'

/** The query of a signed URL, as it came. */
export interface SignedParts {
  /** Unix seconds. */
  expires: string
  signature: string
  filename?: string
}

const maxLifeMs = 7 * 86_400_000

/** Seconds, for a URL; throws `invalid-request` when it is not from a second to seven days, or the name is none. */
export function checkSign(options: SignOptions): number {
  const { expiresInMs, filename } = options
  if (!(expiresInMs >= 1000 && expiresInMs <= maxLifeMs))
    throw invalid('expiresInMs', 'A signed URL is valid for between a second and seven days')
  if (filename !== undefined) checkFilename(filename)
  return Math.floor(expiresInMs / 1000)
}

/** URLs of our own route GET /blobs/{key}, bound to key, expiry and file name by an HMAC. */
export function urlSigner(secretKey: Buffer, now: () => number) {
  function signature(key: string, expires: string, filename: string | undefined): string {
    // As JSON no two triples have the same text.
    const signed = JSON.stringify([key, expires, filename ?? null])
    return createHmac('sha256', secretKey).update(signed).digest('base64url')
  }

  function sign(key: string, options: SignOptions): string {
    const expires = String(Math.floor(now() / 1000) + checkSign(options))
    const { filename } = options
    const query = new URLSearchParams({
      expires,
      ...(filename !== undefined && { filename }),
      signature: signature(key, expires, filename),
    })
    return `${options.baseUrl}/blobs/${key}?${query}`
  }

  /** Says that a URL has expired only to whoever holds a true one. */
  function check(key: string, { expires, signature: given, filename }: SignedParts): void {
    const right = Buffer.from(signature(key, expires, filename))
    const other = Buffer.from(given)
    if (right.length !== other.length || !timingSafeEqual(right, other))
      throw new AppError('forbidden', 'This link is not valid')
    if (Number(expires) * 1000 <= now()) throw new AppError('forbidden', 'This link has expired')
  }

  return { sign, check }
}
