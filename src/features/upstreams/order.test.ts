import { describe, expect, it } from 'vitest'
import { free } from '#contracts/index.ts'
import { inOrder } from './order.ts'
import { testUpstream } from './upstream-for-test.ts'

function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

const offer = (name: string, priority: number, weight: number) => ({
  upstream: testUpstream({ name, priority, weight }),
  model: 'm',
  price: free,
})

describe('the order of upstreams', () => {
  it('goes by priority first, lower numbers before higher', () => {
    const offers = [offer('c', 3, 1000), offer('a', 1, 1), offer('b', 2, 500)]
    const random = seeded(1)
    for (let i = 0; i < 50; i++)
      expect(inOrder(offers, random).map(({ upstream }) => upstream.name)).toEqual(['a', 'b', 'c'])
    expect(offers.map(({ upstream }) => upstream.name)).toEqual(['c', 'a', 'b'])
  })

  it('draws by weight within one priority, without putting back', () => {
    const offers = [offer('heavy', 1, 300), offer('light', 1, 100), offer('other', 2, 1000)]
    const random = seeded(7)
    let heavyFirst = 0
    for (let i = 0; i < 4_000; i++) {
      const names = inOrder(offers, random).map(({ upstream }) => upstream.name)
      expect(names[2]).toBe('other')
      expect(new Set(names).size).toBe(3)
      if (names[0] === 'heavy') heavyFirst++
    }
    expect(heavyFirst / 4_000).toBeGreaterThan(0.72)
    expect(heavyFirst / 4_000).toBeLessThan(0.78)
  })

  it('needs no luck for one', () => {
    const one = [offer('a', 1, 1)]
    expect(
      inOrder(one, () => {
        throw new Error('asked for')
      }),
    ).toBe(one)
  })

  it('copes with the ends of the random range', () => {
    for (const edge of [0, 1 - 2 ** -53])
      expect(inOrder([offer('a', 1, 1), offer('b', 1, 1000)], () => edge)).toHaveLength(2)
  })
})
