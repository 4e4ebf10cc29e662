/** Who waits for news of what. A ring says that there may be something, not what. */
export interface Bells<K> {
  /** Calls `listener` at every ring of `key`, until the returned function is called. */
  watch(key: K, listener: () => void): () => void
  ring(key: K): void
  ringAll(): void
  /** Whether anybody waits. */
  readonly watched: boolean
}

/** Keys nobody watches are forgotten. */
export function bells<K>(): Bells<K> {
  const listeners = new Map<K, Set<() => void>>()
  return {
    watch(key, listener) {
      const own = listeners.get(key) ?? new Set()
      listeners.set(key, own.add(listener))
      return () => {
        if (own.delete(listener) && own.size === 0 && listeners.get(key) === own) listeners.delete(key)
      }
    },
    ring(key) {
      for (const listener of [...(listeners.get(key) ?? [])]) listener()
    },
    ringAll() {
      for (const own of [...listeners.values()]) for (const listener of [...own]) listener()
    },
    get watched() {
      return listeners.size > 0
    },
  }
}
