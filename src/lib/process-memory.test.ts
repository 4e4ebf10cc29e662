import { performance } from 'node:perf_hooks'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { releaseMemory, releaseWhenIdle } from './process-memory.ts'

describe('the memory of the process', () => {
  afterEach(() => {
    vi.useRealTimers()
    vi.restoreAllMocks()
  })

  it('is given back in the first idle moment, then once in every pause of five minutes, and never while there is work', () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    let utilization = 0
    vi.spyOn(performance, 'eventLoopUtilization').mockImplementation(() => ({ idle: 0, active: 0, utilization }))
    const release = vi.fn()
    releaseWhenIdle(release)
    const minutes = (count: number, load: number) => {
      utilization = load
      vi.advanceTimersByTime(count * 60_000)
    }
    minutes(30, 0.5)
    expect(release).not.toHaveBeenCalled()
    minutes(1 / 240, 0.001)
    expect(release).toHaveBeenCalledTimes(1)
    minutes(3 + 239 / 240, 0)
    minutes(1, 0.03)
    minutes(4, 0.001)
    expect(release).toHaveBeenCalledTimes(1)
    minutes(1, 0.001)
    expect(release).toHaveBeenCalledTimes(2)
    minutes(60, 0)
    expect(release).toHaveBeenCalledTimes(2)
    minutes(1, 0.5)
    minutes(5, 0)
    expect(release).toHaveBeenCalledTimes(3)
  })

  it('has no garbage in it afterwards', () => {
    let garbage: unknown = new Array(100_000).fill(0).map((_, index) => ({ index }))
    const held = process.memoryUsage().heapUsed
    expect(garbage).toBeDefined()
    garbage = undefined
    releaseMemory()
    expect(process.memoryUsage().heapUsed).toBeLessThan(held)
  })
})
