import type { Usage } from '#contracts/index.ts'
import type { InputUsage } from './spec.ts'

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
  /** `output` is without `reasoning`: both together are the output that is paid for. */
  isReasoningApart?: boolean
}): Usage | undefined {
  const inputTokens = tokenCount(figures.input)
  const output = tokenCount(figures.output)
  if (inputTokens === undefined || output === undefined) return undefined
  const reasoning = tokenCount(figures.reasoning) ?? 0
  const outputTokens = figures.isReasoningApart ? output + reasoning : output
  return {
    inputTokens,
    outputTokens,
    cachedInputTokens: Math.min(tokenCount(figures.cached) ?? 0, inputTokens),
    reasoningTokens: Math.min(reasoning, outputTokens),
    estimated: false,
  }
}

/** What a usage of an unfinished call says of its input. A 0 says that it is not counted yet: no call is without input. */
export function inputOf(usage: Usage | undefined): InputUsage | undefined {
  if (!usage || usage.inputTokens === 0) return undefined
  const { inputTokens, cachedInputTokens } = usage
  return { inputTokens, cachedInputTokens }
}
