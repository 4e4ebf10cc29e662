/** `count` requests per `perMs`, of which `burst` may come at once. Whole numbers, each at least 1. */
export interface Rate {
  count: number
  perMs: number
  burst: number
}

export interface LimitState {
  allowed: boolean
  /** How many may come at once. */
  limit: number
  /** How many more may come now. */
  remaining: number
  /** When all of `limit` may come again, in the clock's own time. */
  resetAtMs: number
  /** 0 when allowed; otherwise after exactly this time it will be, if nothing else comes. */
  retryAfterMs: number
}

export interface Limiter {
  /** Takes `cost` (at most the burst) if that many are left, and nothing otherwise. */
  take(key: string, cost?: number, rate?: Rate): LimitState
  /** The same answer, without taking. */
  peek(key: string, cost?: number, rate?: Rate): LimitState
  /** Undoes one `take` of 1 that was allowed, at once. */
  giveBack(key: string, rate?: Rate): void
  /** Keys held in memory. */
  size(): number
}

/** `level` is what was taken and had not come back yet at `at`. */
interface Bucket {
  level: number
  at: number
  rate: Rate
}

const defaultMaxKeys = 100_000
/** Keys looked at when a new one comes: two, so that idle ones go faster than new ones come; more when it is full. */
const sweepSteps = 2
const crowdedSteps = 64
const overflowKey = '\u0000overflow'

/**
 * A token bucket a key, in memory, O(1). A request takes `perMs` units and every millisecond gives back `count`, so
 * that all arithmetic is in whole numbers and `retryAfterMs` is exact. Time that a clock repeats after it was set back
 * gives nothing back twice, and none is waited for twice either.
 *
 * At most `maxKeys` keys are held. Keys whose bucket is full again are forgotten first, then those not used for the
 * longest among a sample, but never one that is being refused; when there are only such, strangers share one bucket.
 *
 * `rate` given with a call overrides the limiter's own for that key, with the same `perMs`.
 */
export function limiter(rate: Rate, now: () => number, maxKeys: number = defaultMaxKeys): Limiter {
  const buckets = new Map<string, Bucket>()
  // A live iterator walks on through a changing Map; a new one would have to pass all deleted entries first.
  let hand = buckets.entries()

  function look(key: string, cost: number, rule: Rate, taking: boolean): LimitState {
    const time = now()
    const bucket = buckets.get(key) ?? (taking ? admit(key, time, rule) : undefined)
    let level = bucket ? levelAt(bucket, time, rule) : 0
    const size = rule.perMs * rule.burst
    const wanted = level + Math.min(cost, rule.burst) * rule.perMs
    const allowed = wanted <= size
    if (bucket && taking) {
      if (allowed) level = wanted
      bucket.level = level
      bucket.at = time
      bucket.rate = rule
    }
    return {
      allowed,
      limit: rule.burst,
      remaining: level >= size ? 0 : Math.floor((size - level) / rule.perMs),
      resetAtMs: time + Math.ceil(level / rule.count),
      retryAfterMs: allowed ? 0 : Math.ceil((wanted - size) / rule.count),
    }
  }

  function giveBack(key: string, rule = rate): void {
    const bucket = buckets.get(key) ?? buckets.get(overflowKey)
    if (bucket) bucket.level = Math.max(0, bucket.level - rule.perMs)
  }

  function admit(key: string, time: number, rule: Rate): Bucket {
    const name = makeRoom(time) ? key : overflowKey
    const shared = name === overflowKey ? buckets.get(overflowKey) : undefined
    if (shared) return shared
    const bucket = { level: 0, at: time, rate: rule }
    buckets.set(name, bucket)
    return bucket
  }

  /** Forgets what may be forgotten; false when there is still no room. */
  function makeRoom(time: number): boolean {
    const crowded = buckets.size >= maxKeys
    let oldest: string | undefined
    let oldestAt = Number.POSITIVE_INFINITY
    for (let step = 0; step < (crowded ? crowdedSteps : sweepSteps); step++) {
      let next = hand.next()
      if (next.done) {
        hand = buckets.entries()
        next = hand.next()
        if (next.done) break
      }
      const [key, bucket] = next.value
      const level = levelAt(bucket, time, bucket.rate)
      if (level <= 0) buckets.delete(key)
      else if (bucket.at < oldestAt && level + bucket.rate.perMs <= bucket.rate.perMs * bucket.rate.burst) {
        oldest = key
        oldestAt = bucket.at
      }
    }
    if (buckets.size < maxKeys) return true
    return oldest !== undefined && buckets.delete(oldest)
  }

  return {
    take: (key, cost = 1, rule = rate) => look(key, cost, rule, true),
    peek: (key, cost = 1, rule = rate) => look(key, cost, rule, false),
    giveBack,
    size: () => buckets.size,
  }
}

function levelAt(bucket: Bucket, time: number, rate: Rate): number {
  const elapsed = time - bucket.at
  return elapsed <= 0 ? bucket.level : Math.max(0, bucket.level - elapsed * rate.count)
}
