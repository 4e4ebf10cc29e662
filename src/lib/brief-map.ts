/**
 * A map for what comes and goes in moments. When V8's Map makes itself a new table, the old one keeps its entries and
 * points at the new one; once an old table has grown old, a collection of young objects spares all tables behind it and
 * whatever ever stood in them. Here the tables hold only slots, and a slot is emptied when its value goes.
 */
export class BriefMap<K, V> {
  private readonly slots = new Map<K, { value: V | undefined }>()

  get size(): number {
    return this.slots.size
  }

  get(key: K): V | undefined {
    return this.slots.get(key)?.value
  }

  /** `key` must not be there yet. */
  set(key: K, value: V): void {
    this.slots.set(key, { value })
  }

  delete(key: K): void {
    const slot = this.slots.get(key)
    if (!slot) return
    slot.value = undefined
    this.slots.delete(key)
  }

  *values(): Generator<V> {
    for (const { value } of this.slots.values()) if (value !== undefined) yield value
  }
}
