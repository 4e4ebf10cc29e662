/** Members by key. A key without members is forgotten; a lone member stands for itself, without a Set around it. */
export interface Groups<T> {
  add(key: string, member: T): void
  remove(key: string, member: T): void
  /** Drops a key with all its members. */
  delete(key: string): void
  has(key: string): boolean
  of(key: string): Iterable<T>
  /** How many keys there are. */
  size(): number
}

export function groups<T extends string | object>(): Groups<T> {
  const byKey = new Map<string, T | Set<T>>()

  return {
    add(key, member) {
      const there = byKey.get(key)
      if (there === undefined) byKey.set(key, member)
      else if (there instanceof Set) there.add(member)
      else if (there !== member) byKey.set(key, new Set([there, member]))
    },
    remove(key, member) {
      const there = byKey.get(key)
      if (there instanceof Set ? there.delete(member) && there.size === 0 : there === member) byKey.delete(key)
    },
    delete: (key) => void byKey.delete(key),
    has: (key) => byKey.has(key),
    of(key) {
      const there = byKey.get(key)
      if (there === undefined) return []
      return there instanceof Set ? there : [there]
    },
    size: () => byKey.size,
  }
}
