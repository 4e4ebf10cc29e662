import type { Clock } from '../../client/src/index.ts'

/** A clock that stands still until a test moves it. */
export interface HandClock extends Clock {
  /** Runs what falls due on the way, in order of time. */
  advance(ms: number): void
  /** How far away each timer is, the nearest first. */
  readonly pending: number[]
}

export function handClock(): HandClock {
  let now = 0
  let made = 0
  const timers = new Map<number, { at: number; run: () => void }>()
  const nearest = () => [...timers].sort(([a, x], [b, y]) => x.at - y.at || a - b)[0]
  return {
    now: () => now,
    setTimeout(run, ms) {
      timers.set(++made, { at: now + ms, run })
      return made
    },
    clearTimeout: (timer) => void timers.delete(timer as number),
    advance(ms) {
      const end = now + ms
      for (let next = nearest(); next && next[1].at <= end; next = nearest()) {
        timers.delete(next[0])
        now = Math.max(now, next[1].at)
        next[1].run()
      }
      now = end
    },
    get pending() {
      return [...timers.values()].map(({ at }) => at - now).sort((a, b) => a - b)
    },
  }
}
