import { type Beating, type Wheel, wheel } from '#wire/index.ts'

/** A beat for everybody who is there, once in `everyMs`. One timer for all, and none while nobody is there. */
export interface Heartbeat {
  join(member: Beating): void
  leave(member: Beating): void
}

export function heartbeat(everyMs: number): Heartbeat {
  let beats: Wheel<Beating> | undefined
  let count = 0
  return {
    join(member) {
      beats ??= wheel<Beating>(everyMs)
      beats.add(member)
      count++
    },
    leave(member) {
      beats?.remove(member)
      if (--count > 0) return
      beats?.stop()
      beats = undefined
    },
  }
}
