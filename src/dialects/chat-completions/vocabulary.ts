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

/** `chatcmpl-` and the turn's id: one id to look the turn up by, whichever answer one holds. */
export function completionId(turnId: string): string {
  return `chatcmpl-${turnId}`
}
