/** What of an AbortSignal whoever can be cancelled has to know; an AbortSignal is one. */
export interface CancelSignal {
  readonly aborted: boolean
  addEventListener(type: 'abort', listener: () => void, options?: { once?: boolean }): void
  removeEventListener(type: 'abort', listener: () => void): void
}

/**
 * A CancelSignal and the right to abort it. An AbortController with one listener costs as much as parsing a small
 * request; this costs nothing, and every model call has one. Listeners are called once, in the order they came.
 */
export class Cancellation implements CancelSignal {
  aborted = false
  private listeners: (() => void)[] = []

  addEventListener(_type: 'abort', listener: () => void): void {
    this.listeners.push(listener)
  }

  removeEventListener(_type: 'abort', listener: () => void): void {
    const at = this.listeners.indexOf(listener)
    if (at >= 0) this.listeners.splice(at, 1)
  }

  abort(): void {
    if (this.aborted) return
    this.aborted = true
    const called = this.listeners
    this.listeners = []
    for (const listener of called) listener()
  }
}

/** The same as an AbortSignal, for what takes no other. */
export function abortSignalOf(signal: CancelSignal): AbortSignal {
  const controller = new AbortController()
  if (signal.aborted) controller.abort()
  else signal.addEventListener('abort', () => controller.abort(), { once: true })
  return controller.signal
}
