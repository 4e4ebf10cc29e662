import { expect, test } from 'vitest'
import { ExpiringCache } from './expiring-cache.ts'

function cache(maxEntries = 3) {
  const clock = { now: 0 }
  return { clock, cache: new ExpiringCache<number>({ maxEntries, ttlMs: 10, now: () => clock.now }) }
}

test('an entry lives for its time and no longer', () => {
  const { clock, cache: one } = cache()
  one.set('a', 1, one.epoch)
  clock.now = 9
  expect(one.get('a')).toBe(1)
  clock.now = 10
  expect(one.get('a')).toBeUndefined()
  expect(one.size).toBe(0)
})

test('the oldest makes room', () => {
  const { cache: one } = cache()
  for (const [i, key] of ['a', 'b', 'c', 'd'].entries()) one.set(key, i, one.epoch)
  expect(['a', 'b', 'c', 'd'].map((key) => one.get(key))).toEqual([undefined, 1, 2, 3])
})

test('what was read before a clear is not kept after it', () => {
  const { cache: one } = cache()
  const { epoch } = one
  one.clear()
  one.set('revoked meanwhile', 1, epoch)
  expect(one.get('revoked meanwhile')).toBeUndefined()
  one.set('fresh', 2, one.epoch)
  expect(one.get('fresh')).toBe(2)
})

test('an entry from the future is gone: it would live for as long as the clock was set back', () => {
  const { clock, cache: one } = cache()
  clock.now = 1_000
  one.set('a', 1, one.epoch)
  clock.now = 500
  expect(one.get('a')).toBeUndefined()
  one.set('a', 2, one.epoch)
  expect(one.get('a')).toBe(2)
})
