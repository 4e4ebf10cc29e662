export interface ExpiringCacheOptions {
  maxEntries: number
  ttlMs: number
  now(): number
}

/**
 * A bounded map whose entries live for `ttlMs`, and not longer when the clock is set back: an entry from the future is gone. The
 * oldest entry makes room for a new one.
 *
 * What was read before a `clear` must not be kept after it, or a revoked key would come back for a whole `ttlMs`: take
 * `epoch` before reading and hand it to `set`, which keeps nothing from an epoch that has passed.
 */
export class ExpiringCache<V> {
  private readonly entries = new Map<string, { value: V; from: number; until: number }>()
  private readonly options: ExpiringCacheOptions
  private passed = 0

  constructor(options: ExpiringCacheOptions) {
    this.options = options
  }

  get epoch(): number {
    return this.passed
  }

  get size(): number {
    return this.entries.size
  }

  get(key: string): V | undefined {
    const entry = this.entries.get(key)
    if (entry === undefined) return undefined
    const now = this.options.now()
    if (entry.until > now && entry.from <= now) return entry.value
    this.entries.delete(key)
    return undefined
  }

  /** Keeps `value` unless a `clear` came after `epoch` was taken. */
  set(key: string, value: V, epoch: number): void {
    if (epoch !== this.passed) return
    this.entries.delete(key)
    if (this.entries.size >= this.options.maxEntries) this.entries.delete(this.entries.keys().next().value as string)
    const from = this.options.now()
    this.entries.set(key, { value, from, until: from + this.options.ttlMs })
  }

  clear(): void {
    this.passed++
    this.entries.clear()
  }
}
