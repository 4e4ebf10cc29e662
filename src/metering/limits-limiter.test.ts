import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { limiter, type Rate } from './limits-limiter.ts'

function clock(start = 1_700_000_000_000) {
  let time = start
  return {
    now: () => time,
    set: (to: number) => {
      time = to
    },
    pass: (ms: number) => {
      time += ms
    },
  }
}

const rates: fc.Arbitrary<Rate> = fc.record({
  count: fc.integer({ min: 1, max: 5_000 }),
  perMs: fc.constantFrom(1_000, 60_000, 3_600_000, 86_400_000),
  burst: fc.integer({ min: 1, max: 200 }),
})

describe('a limiter', () => {
  it('lets the burst come at once and then as many as come back', () => {
    const { now, pass } = clock()
    const chat = limiter({ count: 20, perMs: 60_000, burst: 5 }, now)
    for (let left = 4; left >= 0; left--)
      expect(chat.take('a')).toMatchObject({ allowed: true, limit: 5, remaining: left })
    expect(chat.take('a')).toEqual({
      allowed: false,
      limit: 5,
      remaining: 0,
      resetAtMs: now() + 15_000,
      retryAfterMs: 3_000,
    })
    expect(chat.take('b').allowed).toBe(true)
    pass(3_000)
    expect(chat.take('a')).toMatchObject({ allowed: true, remaining: 0 })
    pass(60_000)
    expect(chat.peek('a')).toMatchObject({ allowed: true, remaining: 5, resetAtMs: now() })
  })

  it('peeks without taking', () => {
    const { now } = clock()
    const one = limiter({ count: 1, perMs: 1_000, burst: 1 }, now)
    for (let i = 0; i < 3; i++) expect(one.peek('a')).toMatchObject({ allowed: true, remaining: 1 })
    expect(one.size()).toBe(0)
    expect(one.take('a').allowed).toBe(true)
    expect(one.peek('a')).toMatchObject({ allowed: false, remaining: 0, retryAfterMs: 1_000 })
  })

  it('never allows more than burst + elapsed × rate, in any window', () => {
    fc.assert(
      fc.property(
        rates,
        fc.array(fc.record({ wait: fc.nat({ max: 50_000 }), cost: fc.integer({ min: 1, max: 3 }) }), {
          maxLength: 120,
        }),
        (rate, steps) => {
          const { now, pass } = clock()
          const tested = limiter(rate, now)
          const taken: { at: number; cost: number }[] = []
          for (const { wait, cost } of steps) {
            pass(wait)
            const asked = Math.min(cost, rate.burst)
            if (tested.take('a', cost).allowed) taken.push({ at: now(), cost: asked })
          }
          for (let from = 0; from < taken.length; from++) {
            let sum = 0
            for (let to = from; to < taken.length; to++) {
              sum += taken[to]!.cost
              const elapsed = taken[to]!.at - taken[from]!.at
              expect(sum * rate.perMs).toBeLessThanOrEqual(rate.burst * rate.perMs + elapsed * rate.count)
            }
          }
        },
      ),
    )
  })

  it('says exactly when to come back', () => {
    fc.assert(
      fc.property(
        rates,
        fc.array(fc.nat({ max: 5_000 }), { maxLength: 60 }),
        fc.integer({ min: 1, max: 4 }),
        (rate, waits, cost) => {
          const { now, pass, set } = clock()
          const tested = limiter(rate, now)
          for (const wait of waits) {
            pass(wait)
            tested.take('a')
          }
          let state = tested.take('a', cost)
          while (state.allowed) state = tested.take('a', cost)
          const refusedAt = now()
          expect(state.retryAfterMs).toBeGreaterThan(0)
          set(refusedAt + state.retryAfterMs - 1)
          expect(tested.take('a', cost).allowed).toBe(false)
          set(refusedAt + state.retryAfterMs)
          expect(tested.peek('a', cost).allowed).toBe(true)
          expect(tested.take('a', cost).allowed).toBe(true)
        },
      ),
    )
  })

  it('says exactly when all may come again', () => {
    fc.assert(
      fc.property(rates, fc.integer({ min: 1, max: 50 }), (rate, takes) => {
        const { now, set } = clock()
        const tested = limiter(rate, now)
        let state = tested.peek('a')
        for (let i = 0; i < takes; i++) state = tested.take('a')
        set(state.resetAtMs)
        expect(tested.peek('a').remaining).toBe(rate.burst)
      }),
    )
  })

  it('gives nothing for time that a clock repeats, and keeps nobody waiting for it', () => {
    fc.assert(
      fc.property(
        rates,
        fc.array(fc.oneof(fc.integer({ min: -100_000, max: 100_000 }), fc.nat({ max: 50 })), { maxLength: 80 }),
        (rate, steps) => {
          const { now, pass } = clock()
          const tested = limiter(rate, now)
          let allowed = 0
          let forward = 0
          for (const step of steps) {
            pass(step)
            if (step > 0) forward += step
            if (tested.take('a').allowed) allowed++
          }
          expect(allowed * rate.perMs).toBeLessThanOrEqual(rate.burst * rate.perMs + forward * rate.count)

          let state = tested.take('a')
          while (state.allowed) state = tested.take('a')
          expect(state.retryAfterMs).toBeLessThanOrEqual(Math.ceil(rate.perMs / rate.count))
          pass(-3_600_000)
          const wait = tested.take('a').retryAfterMs
          expect(wait).toBeLessThanOrEqual(Math.ceil(rate.perMs / rate.count))
          pass(wait)
          expect(tested.take('a').allowed).toBe(true)
        },
      ),
    )
  })

  it('asks for the whole bucket at most, however much a request costs', () => {
    const { now, pass } = clock()
    const three = limiter({ count: 1, perMs: 1_000, burst: 3 }, now)
    expect(three.take('a', 10).allowed).toBe(true)
    expect(three.take('a', 10)).toMatchObject({ allowed: false, retryAfterMs: 3_000 })
    pass(3_000)
    expect(three.take('a', 10).allowed).toBe(true)
  })

  it('follows a rate that changes', () => {
    const { now } = clock()
    const tested = limiter({ count: 1, perMs: 60_000, burst: 1 }, now)
    const small = { count: 2, perMs: 60_000, burst: 2 }
    expect(tested.take('a', 1, small).allowed).toBe(true)
    expect(tested.take('a', 1, small).allowed).toBe(true)
    expect(tested.take('a', 1, small).allowed).toBe(false)
    expect(tested.take('a', 1, { count: 10, perMs: 60_000, burst: 10 })).toMatchObject({ allowed: true, remaining: 7 })
  })
})

describe('the memory of a limiter', () => {
  it('forgets idle keys as new ones come', () => {
    const { now, pass } = clock()
    const tested = limiter({ count: 10, perMs: 1_000, burst: 10 }, now)
    for (let i = 0; i < 20_000; i++) {
      tested.take(`key ${i}`)
      if (i % 10 === 0) pass(10)
    }
    expect(tested.size()).toBeLessThan(500)
  })

  it('stays bounded and never forgives who is being refused', () => {
    const { now, pass } = clock()
    const tested = limiter({ count: 1, perMs: 60_000, burst: 2 }, now, 1_000)
    for (let i = 0; i < 100; i++) {
      tested.take(`bad ${i}`)
      tested.take(`bad ${i}`)
    }
    for (let i = 0; i < 10_000; i++) {
      tested.take(`stranger ${i}`)
      if (i % 10 === 0) pass(1)
    }
    expect(tested.size()).toBeLessThanOrEqual(1_001)
    for (let i = 0; i < 100; i++) expect(tested.take(`bad ${i}`).allowed).toBe(false)
  })

  it('lets strangers share one bucket when everybody known is being refused', () => {
    const { now } = clock()
    const tested = limiter({ count: 1, perMs: 60_000, burst: 1 }, now, 100)
    for (let i = 0; i < 100; i++) tested.take(`bad ${i}`)
    let allowed = 0
    for (let i = 0; i < 1_000; i++) if (tested.take(`stranger ${i}`).allowed) allowed++
    expect(allowed).toBe(1)
    expect(tested.size()).toBe(101)
    for (let i = 0; i < 100; i++) expect(tested.take(`bad ${i}`).allowed).toBe(false)
  })
})
