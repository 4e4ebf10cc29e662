import { type ParleyError, parleyError } from './errors.ts'
import type { Answer, TurnEvent } from './frames.ts'
import type { Clock } from './surroundings.ts'

/** Something asked of the server, which is answered by one frame with the same `request_id`. Exactly one of these is called. */
export interface Asked {
  answered(answer: Answer | TurnEvent): void
  /** No answer will come. */
  failed(error: ParleyError): void
}

/** What is to be sent: bounded, in order, kept until it is answered, and sent again in the next connection. */
export interface Outbox {
  /** Returns the request's id. `once`: must not arrive twice. Throws `outbox_full`, and `too_large` for what no server takes. */
  add(frame: object, asked: Asked, options?: { once?: boolean }): string
  /** For what every connection begins with: goes before all else, and is forgotten with the connection. */
  ahead(frame: object): void
  answer(id: string, answer: Answer | TurnEvent): void
  /** Takes back what was never sent; false when it is too late. */
  withdraw(id: string): boolean
  up(): void
  /** With the close code. */
  down(code: number): void
  fail(error: ParleyError): void
}

interface Entry extends Asked {
  text: string
  once: boolean
  /** In this connection. `later`: refused for a while. */
  state: 'unsent' | 'sent' | 'later'
  /** In an earlier connection. */
  wasSent: boolean
}

const maxEntries = 100
/** What the server takes; more closes the connection. */
const maxFrameBytes = 1024 * 1024
/** Half of what the server lets one connection send: the rest it would drop. */
const framesPerSecond = 25

export function outbox({ send, clock }: { send(text: string): void; clock: Clock }): Outbox {
  const entries = new Map<string, Entry>()
  const first: string[] = []
  const timers = new Set<unknown>()
  let isUp = false
  let allowance = framesPerSecond
  let made = 0

  function later(ms: number, run: () => void): void {
    const timer = clock.setTimeout(() => {
      timers.delete(timer)
      run()
      flush()
    }, ms)
    timers.add(timer)
  }

  function flush(): void {
    while (isUp && allowance > 0) {
      const next = first.shift() ?? takeUnsent()
      if (next === undefined) return
      if (allowance-- === framesPerSecond)
        later(1000, () => {
          allowance = framesPerSecond
        })
      send(next)
    }
  }

  function takeUnsent(): string | undefined {
    for (const entry of entries.values())
      if (entry.state === 'unsent') {
        entry.state = 'sent'
        return entry.text
      }
    return undefined
  }

  function drop(id: string, error: ParleyError): void {
    const entry = entries.get(id)
    entries.delete(id)
    entry?.failed(error)
  }

  return {
    add(frame, asked, { once = false } = {}) {
      const id = `r${++made}`
      const text = JSON.stringify({ ...frame, request_id: id })
      if (bytesOf(text) > maxFrameBytes) throw parleyError('too_large', 'This is more than the server takes at once')
      if (entries.size >= maxEntries) throw parleyError('outbox_full', 'Too much is waiting to be sent')
      entries.set(id, { ...asked, text, once, state: 'unsent', wasSent: false })
      flush()
      return id
    },
    ahead(frame) {
      first.push(JSON.stringify(frame))
      flush()
    },
    answer(id, answer) {
      const entry = entries.get(id)
      if (!entry) return
      // Who asks for the second time has been accepted before: what refuses him now is a limit, or a server that starts.
      if (answer.type === 'error' && answer.retry_after_ms !== undefined && entry.wasSent) {
        entry.state = 'later'
        return later(answer.retry_after_ms, () => {
          if (entry.state === 'later') entry.state = 'unsent'
        })
      }
      entries.delete(id)
      entry.answered(answer)
    },
    withdraw(id) {
      const entry = entries.get(id)
      return entry?.state === 'unsent' && !entry.wasSent && entries.delete(id)
    },
    up() {
      isUp = true
      flush()
    },
    down(code) {
      isUp = false
      first.length = 0
      if (code === 1009) {
        const sent = [...entries].filter(([, { state }]) => state === 'sent')
        const largest = sent.sort(([, a], [, b]) => bytesOf(b.text) - bytesOf(a.text))[0]
        if (largest) drop(largest[0], parleyError('too_large', 'This is more than the server takes at once'))
      }
      for (const [id, entry] of [...entries]) {
        if (entry.state === 'sent') entry.wasSent = true
        entry.state = 'unsent'
        if (entry.wasSent && entry.once)
          drop(id, parleyError('unknown_outcome', 'The connection broke before the answer; it may have arrived'))
      }
    },
    fail(error) {
      for (const timer of timers) clock.clearTimeout(timer)
      for (const id of [...entries.keys()]) drop(id, error)
    },
  }
}

function bytesOf(text: string): number {
  return new TextEncoder().encode(text).length
}
