import type { Usage } from '#contracts/index.ts'

/** A believable token figure: a non-negative integer. */
export function tokenCount(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined
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
