import type { FinishReason, Usage } from '#contracts/index.ts'

export type OpenAiFinishReason = 'stop' | 'length' | 'tool_calls' | 'function_call' | 'content_filter'

/** A turn that failed has no finish reason in this dialect: it ends with an error object. */
export function finishReason(reason: FinishReason, legacyFunctions: boolean): OpenAiFinishReason {
  if (reason === 'tool-calls') return legacyFunctions ? 'function_call' : 'tool_calls'
  if (reason === 'length') return 'length'
  return reason === 'content-filter' ? 'content_filter' : 'stop'
}

export function usageObject(usage: Usage) {
  return {
    prompt_tokens: usage.inputTokens,
    completion_tokens: usage.outputTokens,
    total_tokens: usage.inputTokens + usage.outputTokens,
    prompt_tokens_details: { cached_tokens: usage.cachedInputTokens },
    completion_tokens_details: { reasoning_tokens: usage.reasoningTokens },
  }
}

/** The same as JSON text. */
export function usageText({ inputTokens, outputTokens, cachedInputTokens, reasoningTokens }: Usage): string {
  const total = inputTokens + outputTokens
  return `{"prompt_tokens":${inputTokens},"completion_tokens":${outputTokens},"total_tokens":${total},"prompt_tokens_details":{"cached_tokens":${cachedInputTokens}},"completion_tokens_details":{"reasoning_tokens":${reasoningTokens}}}`
}

/** `chatcmpl-` and the turn's id: one id to look the turn up by, whichever answer one holds. */
export function completionId(turnId: string): string {
  return `chatcmpl-${turnId}`
}
