import type { Usage } from '#contracts/index.ts'

/** A thousand times what the largest models take. One figure more than this would spoil every sum that it goes into. */
const mostTokens = 1e9

/** A believable token figure: an integer from 0 up to what a call could come to. */
export function tokenCount(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= mostTokens ? value : undefined
}

/**
 * An upstream's figures → Usage, undefined when one of the two totals is missing or cannot be. A detail that cannot be
 * counts as 0; one greater than its total is cut to it.
 */
export function usageOf(figures: {
  input: unknown
  output: unknown
  cached?: unknown
  reasoning?: unknown
}): Usage | undefined {
  const inputTokens = tokenCount(figures.input)
  const outputTokens = tokenCount(figures.output)
  if (inputTokens === undefined || outputTokens === undefined) return undefined
  return {
    inputTokens,
    outputTokens,
    cachedInputTokens: Math.min(tokenCount(figures.cached) ?? 0, inputTokens),
    reasoningTokens: Math.min(tokenCount(figures.reasoning) ?? 0, outputTokens),
    estimated: false,
  }
}
