/** Listeners of one kind of event. What a listener throws is reported like any uncaught error, and disturbs nobody. */
export interface Signal<T> {
  /** Returns how to stop listening. */
  on(listener: (value: T) => void): () => void
  emit(value: T): void
}

export function signal<T>(): Signal<T> {
  const listeners = new Set<(value: T) => void>()
  return {
    on(listener) {
      // Two that are one function are still two.
      const own = (value: T) => listener(value)
      listeners.add(own)
      return () => void listeners.delete(own)
    },
    emit(value) {
      for (const listener of [...listeners]) {
        try {
          listener(value)
        } catch (thrown) {
          queueMicrotask(() => {
            throw thrown
          })
        }
      }
    },
  }
}
