/** How many sockets one address or one user has. Holds only those that have one. */
export interface Crowd {
  /** One more; undefined when there are `most` already. */
  enter(key: string): Place | undefined
  leave(place: Place): void
  size(): number
}

/** Shared by all sockets of a key, so that none of them keeps the key itself. */
export interface Place {
  readonly key: string
  count: number
}

export function crowd(most: number): Crowd {
  const places = new Map<string, Place>()
  return {
    enter(key) {
      const place = places.get(key) ?? { key, count: 0 }
      if (place.count >= most) return undefined
      if (place.count++ === 0) places.set(key, place)
      return place
    },
    leave(place) {
      if (--place.count === 0) places.delete(place.key)
    },
    size: () => places.size,
  }
}
