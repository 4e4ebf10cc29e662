import { describe, expect, it } from 'vitest'
import { costMicros, free, noUsage } from '#contracts/index.ts'
import { priceOf } from './prices.ts'

describe('the price of a model', () => {
  it('is in micros of a dollar per million tokens', () => {
    expect(priceOf('gpt-4o-mini')).toEqual({ input: 150_000, output: 600_000, cachedInput: 75_000 })
    expect(costMicros({ ...noUsage, inputTokens: 1_000_000, outputTokens: 0 }, priceOf('gpt-4o-mini'))).toBe(150_000)
  })

  it('holds for dated, tagged and prefixed names of the same model', () => {
    expect(priceOf('gpt-4o-2024-11-20')).toBe(priceOf('gpt-4o'))
    expect(priceOf('claude-sonnet-4-5-20250929')).toBe(priceOf('claude-sonnet-4-5'))
    expect(priceOf('claude-3-5-haiku@20241022')).toBe(priceOf('claude-3-5-haiku'))
    expect(priceOf('openai/gpt-4.1:online')).toBe(priceOf('gpt-4.1'))
  })

  it('takes the longest name that fits', () => {
    expect(priceOf('gpt-4o-mini-2024-07-18')).toBe(priceOf('gpt-4o-mini'))
    expect(priceOf('gpt-4o-2024-05-13')).not.toBe(priceOf('gpt-4o'))
    expect(priceOf('gemini-2.5-flash-lite-preview')).toBe(priceOf('gemini-2.5-flash-lite'))
  })

  it('does not take a name for another that merely begins alike', () => {
    expect(priceOf('gpt-55')).toBe(free)
    expect(priceOf('o1x')).toBe(free)
    expect(priceOf('gpt')).toBe(free)
  })

  it('is nothing for what is not known', () => {
    for (const name of ['llama3.2:latest', 'extractive', '', '/', '-', 'constructor', '__proto__'])
      expect(priceOf(name)).toBe(free)
  })
})
