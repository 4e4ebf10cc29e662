import { describe, expect, it, vi } from 'vitest'
import { withinMs } from './within.ts'

describe('withinMs', () => {
  it('ends with what is done, or fails as it does, and leaves no timer', async () => {
    vi.useFakeTimers()
    try {
      await withinMs(1_000, Promise.resolve())
      await expect(withinMs(1_000, Promise.reject(new Error('no')))).rejects.toThrow('no')
      expect(vi.getTimerCount()).toBe(0)
    } finally {
      vi.useRealTimers()
    }
  })

  it('ends when the time is over', async () => {
    vi.useFakeTimers()
    try {
      let ended = false
      const waiting = withinMs(1_000, new Promise<never>(() => undefined)).then(() => {
        ended = true
      })
      await vi.advanceTimersByTimeAsync(999)
      expect(ended).toBe(false)
      await vi.advanceTimersByTimeAsync(1)
      await waiting
      expect(ended).toBe(true)
    } finally {
      vi.useRealTimers()
    }
  })
})
