import { describe, expect, it } from 'vitest'
import { usageOf } from './token-usage.ts'

describe('the figures of an upstream', () => {
  it('are believed as far as they can be', () => {
    expect(usageOf({ input: 12, output: 1e9, cached: 20, reasoning: -1 })).toEqual({
      inputTokens: 12,
      outputTokens: 1e9,
      cachedInputTokens: 12,
      reasoningTokens: 0,
      estimated: false,
    })
    // Their cost, or the sum of some, would be no number that a database gives back exactly.
    for (const absurd of [4e15, 1e10, 1e30, Number.POSITIVE_INFINITY, 1.5, -5, '12', null, undefined]) {
      expect(usageOf({ input: absurd, output: 1 })).toBeUndefined()
      expect(usageOf({ input: 1, output: absurd })).toBeUndefined()
      expect(usageOf({ input: 1, output: 1, cached: absurd })).toMatchObject({ cachedInputTokens: 0 })
    }
  })
})
