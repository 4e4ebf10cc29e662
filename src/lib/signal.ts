/** A happening without content: whoever listens is told, in the order of listening, before `fire` returns. */
export interface Signal {
  on(listener: () => void): void
  fire(): void
}

export function signal(): Signal {
  const listeners: (() => void)[] = []
  return {
    on: (listener) => void listeners.push(listener),
    fire() {
      for (const listener of listeners) listener()
    },
  }
}
