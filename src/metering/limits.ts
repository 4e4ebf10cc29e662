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

    const network = ip && input.ip !== undefined ? networkOf(input.ip) : undefined
    const person = userId === undefined ? undefined : String(userId)
    const speaker = input.chat ? person : undefined
    const key = keyId === undefined || !keyRatePerMinute ? undefined : String(keyId)
    const rate = key === undefined ? undefined : keyRate(keyRatePerMinute!)

    // Nearly every request is within all of them: what it took where another refuses is given back.
    const byNetwork = takenFrom(ip, network)
    const byPerson = takenFrom(user, person)
    const bySpeaker = takenFrom(chat, speaker)
    const byKey = takenFrom(keys, key, rate)
    const tightest = tighter(tighter(byNetwork, byPerson), tighter(bySpeaker, byKey))
    if (!tightest || tightest.allowed) return tightest
    if (byNetwork?.allowed) ip!.giveBack(network!)
    if (byPerson?.allowed) user!.giveBack(person!)
    if (bySpeaker?.allowed) chat!.giveBack(speaker!)
    if (byKey?.allowed) keys.giveBack(key!, rate)
    return tightest
  }

  return { check }
}

function keyRate(count: number): Rate {
  return { count, perMs: perMinute, burst: count }
}

/** Undefined where a limit does not concern the request. */
function takenFrom(limit: Limiter | undefined, key: string | undefined, rate?: Rate): LimitState | undefined {
  return limit && key !== undefined ? limit.take(key, 1, rate) : undefined
}

/** The refusal that lasts longest, else the state with least left. */
function tighter(a: LimitState | undefined, b: LimitState | undefined): LimitState | undefined {
  if (!a || !b) return a ?? b
  if (a.allowed !== b.allowed) return a.allowed ? b : a
  if (!a.allowed) return b.retryAfterMs > a.retryAfterMs ? b : a
  return b.remaining * a.limit < a.remaining * b.limit ? b : a
}
