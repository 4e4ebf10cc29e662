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

/** Millionths of a US dollar per million tokens. Absent `cachedInput`: cached tokens cost as much as others. */
export interface Price {
  input: number
  output: number
  cachedInput?: number
}

export const free: Price = { input: 0, output: 0 }

/** Cost in whole micros, rounded up so that no call with a price is free. */
export function costMicros(usage: Usage, price: Price): number {
  const fresh = usage.inputTokens - usage.cachedInputTokens
  const cached = usage.cachedInputTokens * (price.cachedInput ?? price.input)
  return Math.ceil((fresh * price.input + cached + usage.outputTokens * price.output) / 1e6)
}
