import type { CircuitChanged } from '#contracts/index.ts'
import type { Database } from '#store/index.ts'

export interface UpstreamHealthDeps {
  database: Database
  now(): number
  log: { warn(fields: object, message: string): void }
}

/** Of one upstream at most two changes are told in this time: that it is down, and that it is back. */
const quietMs = 10 * 60_000
const most = 2
const lookEveryMs = 30_000

type State = CircuitChanged['state']

interface Known {
  state: State
  told: State
  /** When the last ones were told, at most `most`. */
  at: number[]
}

/**
 * Tells the subscribers of circuits that open and close. An upstream that comes and goes does not flood anybody: what
 * is too much is held back, and told later if it is still true then. Each process tells of its own circuits.
 */
export function upstreamHealth({ database, now, log }: UpstreamHealthDeps) {
  const known = new Map<string, Known>()
  let timer: NodeJS.Timeout | undefined
  let telling: Promise<unknown> = Promise.resolve()

  function consider(upstream: string, it: Known): void {
    const time = now()
    it.at = it.at.filter((at) => Math.abs(time - at) < quietMs)
    if (it.state === it.told || it.at.length >= most) return
    const event: CircuitChanged = { type: 'circuit-changed', upstream, state: it.state, at: time }
    it.told = it.state
    it.at.push(time)
    telling = database
      .write((tx) => tx.tell(event))
      .catch((err) => {
        // Not told after all: the next look tries again.
        if (it.told === event.state) it.told = event.state === 'open' ? 'closed' : 'open'
        log.warn({ err, upstream }, 'a change of an upstream’s health could not be told')
      })
  }

  /** Tells what was held back, where it is time and still true; forgets upstreams that have been well for long. */
  function look(): void {
    for (const [upstream, it] of known) {
      consider(upstream, it)
      if (it.state === 'closed' && it.told === 'closed' && it.at.length === 0) known.delete(upstream)
    }
    if (known.size > 0) return
    clearInterval(timer)
    timer = undefined
  }

  return {
    /** A circuit of this process came into another state; a probe under way is no news. */
    changed(upstream: string, state: State | 'half-open'): void {
      if (state === 'half-open') return
      const it = known.get(upstream) ?? { state: 'closed', told: 'closed', at: [] }
      known.set(upstream, it)
      it.state = state
      consider(upstream, it)
      timer ??= setInterval(look, lookEveryMs).unref()
    },
    look,
    async close(): Promise<void> {
      clearInterval(timer)
      await telling
    },
  }
}
