import { type Limiter, type LimitState, limiter, type Rate } from './limits-limiter.ts'
import { networkOf } from './limits-network.ts'

export interface LimitsOptions {
  /** Chat completions of one user. */
  chat?: Rate
  /** All requests of one address. */
  ip?: Rate
  /** All requests of one user. */
  user?: Rate
  /** Unix ms. */
  now(): number
}

export interface LimitInput {
  ip?: string
  /** A user's key, or a text for whoever shares one (visitors of a public app, by address). */
  userId?: number | string
  keyId?: number
  /** The API key's own limit; 0: none. */
  keyRatePerMinute?: number
  /** The request is a chat completion. */
  chat?: boolean
}

export interface Limits {
  /**
   * Counts one request against every limit that concerns it and gives the tightest: the refusal that lasts longest, else
   * the one with least left. A refused request takes nothing from any. Undefined when no limit concerns it.
   */
  check(input: LimitInput): LimitState | undefined
}

const perMinute = 60_000

/**
 * The rate limits of one process. Call `check` once with the address before a credential is looked at, and once with
 * what the credential says after it. With no rates at all (limits off) every check gives undefined.
 */
export function limits(options: LimitsOptions): Limits {
  const { now } = options
  const ip = options.ip && limiter(options.ip, now)
  const user = options.user && limiter(options.user, now)
  const chat = options.chat && limiter(options.chat, now)
  const off = !ip && !user && !chat
  // Each API key brings its own rate.
  const keys = limiter({ count: 1, perMs: perMinute, burst: 1 }, now)

  function check(input: LimitInput): LimitState | undefined {
    if (off) return undefined
    const { userId, keyId, keyRatePerMinute } = input
    if (userId === undefined && keyId === undefined)
      return ip && input.ip !== undefined ? ip.take(networkOf(input.ip)) : undefined

    const concerned: { of: Limiter; key: string; rate?: Rate }[] = []
    if (ip && input.ip !== undefined) concerned.push({ of: ip, key: networkOf(input.ip) })
    if (user && userId !== undefined) concerned.push({ of: user, key: String(userId) })
    if (chat && input.chat && userId !== undefined) concerned.push({ of: chat, key: String(userId) })
    if (keyId !== undefined && keyRatePerMinute)
      concerned.push({
        of: keys,
        key: String(keyId),
        rate: { count: keyRatePerMinute, perMs: perMinute, burst: keyRatePerMinute },
      })

    let refusal: LimitState | undefined
    if (concerned.length > 1)
      for (const { of, key, rate } of concerned) {
        const state = of.peek(key, 1, rate)
        if (!state.allowed && (!refusal || state.retryAfterMs > refusal.retryAfterMs)) refusal = state
      }
    if (refusal) return refusal

    let tightest: LimitState | undefined
    for (const { of, key, rate } of concerned) {
      const state = of.take(key, 1, rate)
      if (!tightest || tighter(state, tightest)) tightest = state
    }
    return tightest
  }

  return { check }
}

function tighter(a: LimitState, b: LimitState): boolean {
  if (a.allowed !== b.allowed) return b.allowed
  return a.remaining * b.limit < b.remaining * a.limit
}
