/** Tokens of one model call or of a whole turn. Every figure is a non-negative integer. */
export interface Usage {
  inputTokens: number
  outputTokens: number
  /** Part of inputTokens that was read from the upstream's prompt cache. */
  cachedInputTokens: number
  /** Part of outputTokens that was spent on reasoning. */
  reasoningTokens: number
  /** True when the upstream gave no (or no believable) figures and these were estimated here. */
  estimated: boolean
}

export const noUsage: Usage = {
  inputTokens: 0,
  outputTokens: 0,
  cachedInputTokens: 0,
  reasoningTokens: 0,
  estimated: false,
}

export function addUsage(a: Usage, b: Usage): Usage {
  return {
    inputTokens: a.inputTokens + b.inputTokens,
    outputTokens: a.outputTokens + b.outputTokens,
    cachedInputTokens: a.cachedInputTokens + b.cachedInputTokens,
    reasoningTokens: a.reasoningTokens + b.reasoningTokens,
    estimated: a.estimated || b.estimated,
  }
}
