import { createHmac, timingSafeEqual } from 'node:crypto'
import { errors, jwtVerify, SignJWT } from 'jose'
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
  expiresAt: number
}

const types: Record<TokenUse, string> = { access: 'at+jwt', session: 'session+jwt' }
const issuer = 'parley'

/** Makes and reads this server's own tokens. Every token belongs to a session, which decides whether it still counts. */
export function tokens(secret: string) {
  const signingKey = deriveKey(secret, 'jwt')
  const csrfKey = deriveKey(secret, 'csrf')

  return {
    sign(use: TokenUse, claims: { userId: string; sessionId: string }, now: number): Promise<string> {
      const lifetimeMs = use === 'access' ? accessLifetimeMs : sessionLifetimeMs
      return new SignJWT({ sid: claims.sessionId })
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
      const { payload } = await jwtVerify(token, signingKey, {
        algorithms: ['HS256', 'HS384', 'HS512'],
        issuer,
        audience: issuer,
        typ: types[use],
        requiredClaims: ['sub', 'iat', 'exp', 'sid'],
        currentDate: new Date(now),
      }).catch((cause) => {
        const message = cause instanceof errors.JWTExpired ? 'The token has expired' : 'Invalid token'
        throw new AppError('unauthenticated', message, { cause })
      })
      const { sub, sid, exp } = payload
      if (typeof sub !== 'string' || typeof sid !== 'string' || !isStorable(sid) || typeof exp !== 'number')
        throw new AppError('unauthenticated', 'Invalid token')
      return { userId: sub, sessionId: sid, expiresAt: exp * 1000 }
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
