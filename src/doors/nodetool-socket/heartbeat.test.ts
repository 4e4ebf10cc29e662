import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { heartbeat } from './heartbeat.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const member = () => ({ slot: 0, beat: vi.fn() })

it('beats for everybody who is there, once in the time', () => {
  const beats = heartbeat(25_000)
  const [one, two] = [member(), member()]
  beats.join(one)
  vi.advanceTimersByTime(10_000)
  beats.join(two)
  vi.advanceTimersByTime(50_000)
  expect([one.beat.mock.calls.length, two.beat.mock.calls.length]).toEqual([2, 2])
  beats.leave(one)
  vi.advanceTimersByTime(25_000)
  expect([one.beat.mock.calls.length, two.beat.mock.calls.length]).toEqual([2, 3])
  beats.leave(two)
})

it('is one timer for all, and none when nobody is there', () => {
  const beats = heartbeat(25_000)
  const members = Array.from({ length: 100 }, member)
  expect(vi.getTimerCount()).toBe(0)
  for (const one of members) beats.join(one)
  expect(vi.getTimerCount()).toBe(1)
  for (const one of members) beats.leave(one)
  expect(vi.getTimerCount()).toBe(0)
  beats.join(members[0]!)
  vi.advanceTimersByTime(25_000)
  expect(members[0]!.beat).toHaveBeenCalledTimes(1)
})
