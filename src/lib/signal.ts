/** A happening, with or without content: whoever listens is told, in the order of listening, before `fire` returns. */
export interface Signal<T = void> {
  on(listener: (told: T) => void): void
  fire(told: T): void
}

export function signal<T = void>(): Signal<T> {
  const listeners: ((told: T) => void)[] = []
  return {
    on: (listener) => void listeners.push(listener),
    fire(told) {
      for (const listener of listeners) listener(told)
    },
  }
}
