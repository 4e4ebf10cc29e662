import { createHmac, timingSafeEqual } from 'node:crypto'
import { errors, type JWTPayload, jwtVerify, SignJWT } from 'jose'
import { AppError } from '#errors/index.ts'
import { deriveKey } from '#lib/seal.ts'
import { isStorable } from '#lib/text.ts'

export const accessLifetimeMs = 30 * 60_000
export const sessionLifetimeMs = 7 * 24 * 3_600_000

/** `access` goes into the Authorization header, `session` into the cookie; neither is accepted in the other's place. */
export type TokenUse = 'access' | 'session'

export interface TokenClaims {
  userId: string
  sessionId: string
  /** The workspace that the token is bound to; absent: whichever the request names. */
  workspaceId?: string
  expiresAt: number
}

const types: Record<TokenUse, string> = { access: 'at+jwt', session: 'session+jwt' }
/** Who signs, and for whom: tokens of this server are for itself. */
export const issuer = 'parley'

/** Makes and reads this server's own tokens. Every token belongs to a session, which decides whether it still counts. */
export function tokens(secret: string) {
  const signingKey = deriveKey(secret, 'jwt')
  const csrfKey = deriveKey(secret, 'csrf')

  return {
    sign(use: TokenUse, claims: Omit<TokenClaims, 'expiresAt'>, now: number): Promise<string> {
      const lifetimeMs = use === 'access' ? accessLifetimeMs : sessionLifetimeMs
      const bound = claims.workspaceId !== undefined && { wid: claims.workspaceId }
      return new SignJWT({ sid: claims.sessionId, ...bound })
        .setProtectedHeader({ alg: 'HS256', typ: types[use] })
        .setSubject(claims.userId)
        .setIssuer(issuer)
        .setAudience(issuer)
        .setIssuedAt(Math.floor(now / 1000))
        .setExpirationTime(Math.floor((now + lifetimeMs) / 1000))
        .sign(signingKey)
    },

    /** Throws `unauthenticated` for anything but a token of this use that this server signed and that has not expired. */
    async verify(use: TokenUse, token: string, now: number): Promise<TokenClaims> {
      const { sub, sid, exp, wid } = await verifyOwn(token, signingKey, types[use], ['sid'], now)
      if (typeof sid !== 'string' || !isStorable(sid) || (wid !== undefined && typeof wid !== 'string'))
        throw new AppError('unauthenticated', 'Invalid token')
      return {
        userId: sub,
        sessionId: sid,
        ...(wid !== undefined && { workspaceId: wid }),
        expiresAt: exp * 1000,
      }
    },

    /** What a page of our own origin can read and another's cannot: proof that the browser's user meant the request. */
    csrfToken(sessionId: string): string {
      return createHmac('sha256', csrfKey).update(sessionId).digest('base64url')
    },

    isCsrfToken(sessionId: string, token: string): boolean {
      const wanted = Buffer.from(this.csrfToken(sessionId))
      const given = Buffer.from(token)
      return given.length === wanted.length && timingSafeEqual(given, wanted)
    },
  }
}

export type Tokens = ReturnType<typeof tokens>

/**
 * The claims of a token that this server signed with `key` as one of `type`, that has not expired and has the claims
 * named. Throws `unauthenticated`.
 */
export async function verifyOwn(
  token: string,
  key: Uint8Array,
  type: string,
  claims: string[],
  now: number,
): Promise<JWTPayload & { sub: string; exp: number }> {
  const { payload } = await jwtVerify(token, key, {
    algorithms: ['HS256', 'HS384', 'HS512'],
    issuer,
    audience: issuer,
    typ: type,
    requiredClaims: ['sub', 'iat', 'exp', ...claims],
    currentDate: new Date(now),
  }).catch((cause) => {
    const message = cause instanceof errors.JWTExpired ? 'The token has expired' : 'Invalid token'
    throw new AppError('unauthenticated', message, { cause })
  })
  const { sub, exp } = payload
  if (typeof sub !== 'string' || typeof exp !== 'number') throw new AppError('unauthenticated', 'Invalid token')
  return { ...payload, sub, exp }
}

/** What a token says of itself, believed by nobody; empty for what is no token. */
export function jwtHeader(token: string): { alg?: string; typ?: string } {
  try {
    const header: unknown = JSON.parse(Buffer.from(token.slice(0, token.indexOf('.')), 'base64url').toString('utf8'))
    const { alg, typ } = (header ?? {}) as { alg?: unknown; typ?: unknown }
    return { ...(typeof alg === 'string' && { alg }), ...(typeof typ === 'string' && { typ }) }
  } catch {
    return {}
  }
}
