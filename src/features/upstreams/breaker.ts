import type { ErrorCode } from '#errors/index.ts'

export type CircuitState = 'closed' | 'open' | 'half-open'

/** The right to call once. Hand it back with how the call went; one from before the last opening decides nothing. */
export type Permit = number

export interface Circuit {
  state: CircuitState
  /** Failures that count now. */
  failures: number
  lastError?: ErrorCode
  /** Unix ms since when it is in this state. */
  since: number
}

export interface Breaker {
  /** A permit, or undefined when the upstream is not to be called now. */
  admit(): Permit | undefined
  /** The upstream sent its first part, or refused the request as such: it is up. */
  answered(permit: Permit): void
  /** A call went well to its end. */
  succeeded(permit: Permit): void
  failed(permit: Permit, code: ErrorCode, retryAfterMs?: number): void
  /** The call said nothing about the upstream (it was cancelled). */
  released(permit: Permit): void
  /** Milliseconds until `admit` is likely to give a permit; 0: now. */
  waitMs(): number
  circuit(): Circuit
}

const threshold = 5
const windowMs = 60_000
const recoveryMs = 30_000
const authRecoveryMs = 60_000
/** An upstream may ask for more, but is looked at again after this: nothing is switched off for good by itself. */
const longestMs = 3_600_000

/**
 * A circuit breaker. It opens after five failures within a minute without a success between them, at once for a
 * Retry-After (for that long, at most an hour) and for a refused credential (a minute). After half a minute one call at
 * a time probes. The first part closes it again, on probation: what failed before still counts until a call has ended well.
 */
export function breaker(options: {
  now(): number
  onChange?(previous: CircuitState, state: CircuitState): void
}): Breaker {
  const { now } = options
  let state: CircuitState = 'closed'
  let since = now()
  let openUntil = 0
  let openForMs = 0
  let probeUntil = 0
  let generation = 1
  let failures: number[] = []
  let lastError: ErrorCode | undefined

  function enter(next: CircuitState): void {
    const previous = state
    state = next
    since = now()
    options.onChange?.(previous, next)
  }

  function open(forMs: number): void {
    openUntil = now() + forMs
    openForMs = forMs
    generation++
    if (state !== 'open') enter('open')
  }

  function recover(): void {
    if (state !== 'open') return
    const time = now()
    // A clock that was set back would keep the upstream out for as long as it was set back: it waits once more instead.
    openUntil = Math.min(openUntil, time + openForMs)
    if (time < openUntil) return
    probeUntil = 0
    enter('half-open')
  }

  function close(): void {
    const time = now()
    failures = failures.slice(1 - threshold).map(() => time)
    enter('closed')
  }

  return {
    admit() {
      if (state === 'closed') return generation
      recover()
      const left = probeUntil - now()
      if (state === 'open' || (left > 0 && left <= recoveryMs)) return undefined
      // A probe whose end nobody told does not keep the upstream out for ever.
      probeUntil = now() + recoveryMs
      return generation
    },
    answered(permit) {
      if (state === 'half-open' && permit === generation) close()
    },
    succeeded(permit) {
      if (permit !== generation) return
      if (failures.length > 0) failures = []
      if (state === 'half-open') close()
    },
    failed(permit, code, retryAfterMs = 0) {
      lastError = code
      const askedMs = Math.min(retryAfterMs, longestMs)
      if (permit !== generation) {
        if (state === 'open' && now() + askedMs > openUntil) {
          openUntil = now() + askedMs
          openForMs = askedMs
        }
        return
      }
      const time = now()
      failures = [...failures.filter((at) => Math.abs(time - at) < windowMs), time].slice(-threshold)
      if (askedMs > 0) open(askedMs)
      else if (code === 'upstream-auth') open(authRecoveryMs)
      else if (state === 'half-open' || failures.length >= threshold) open(recoveryMs)
    },
    released(permit) {
      if (state === 'half-open' && permit === generation) probeUntil = 0
    },
    waitMs() {
      recover()
      if (state === 'closed') return 0
      if (state === 'open') return Math.max(0, openUntil - now())
      // The probe under way will soon have decided.
      return Math.max(0, Math.min(1_000, probeUntil - now()))
    },
    circuit() {
      recover()
      const time = now()
      return {
        state,
        failures: failures.filter((at) => Math.abs(time - at) < windowMs).length,
        ...(lastError !== undefined && { lastError }),
        since,
      }
    },
  }
}
