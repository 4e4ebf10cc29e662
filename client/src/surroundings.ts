/** What this client takes from where it runs: the network, time and chance. Tests put their own in place. */
export interface Surroundings {
  fetch: typeof fetch
  WebSocket: SocketConstructor
  clock: Clock
  /** 0 to 1. */
  random(): number
  /** Tells of `online`: a browser's window. Undefined: nobody does. */
  network: Pick<EventTarget, 'addEventListener' | 'removeEventListener'> | undefined
}

/** Times are milliseconds. */
export interface Clock {
  now(): number
  setTimeout(run: () => void, ms: number): unknown
  clearTimeout(timer: unknown): void
}

/** As much of a WebSocket as is used here. The handlers are `unknown` because each WebSocket has its own event types. */
export interface SocketLike {
  onmessage: unknown
  onclose: unknown
  onerror: unknown
  send(text: string): void
  close(code?: number, reason?: string): void
}
export type SocketConstructor = new (url: string) => SocketLike

export function surroundings(given: Partial<Surroundings>): Surroundings {
  const own = globalThis as typeof globalThis & Partial<EventTarget>
  return {
    // Browsers insist on being called as methods of the window.
    fetch: given.fetch ?? ((input, init) => globalThis.fetch(input, init)),
    WebSocket: given.WebSocket ?? globalThis.WebSocket,
    clock: given.clock ?? {
      now: () => Date.now(),
      setTimeout: (run, ms) => setTimeout(run, ms),
      clearTimeout: (timer) => clearTimeout(timer as number),
    },
    random: given.random ?? Math.random,
    network: given.network ?? (typeof own.addEventListener === 'function' ? (own as EventTarget) : undefined),
  }
}

const longestWaitMs = 30_000

/** How long to wait before trying again after `failures` failures in a row: 1, 2, 4 … 30 s, of which chance takes up to half. */
export function backoffMs(failures: number, random: () => number): number {
  return Math.min(longestWaitMs, 1000 * 2 ** (failures - 1)) * (1 - random() / 2)
}

/** An id that nobody else makes. `randomUUID` exists only on https and localhost; self-hosted pages are often neither. */
export function randomId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('')
}
