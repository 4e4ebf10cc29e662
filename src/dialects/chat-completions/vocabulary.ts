import type { FinishReason, Part, Source, Usage } from '#contracts/index.ts'

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

/** One more field at the end of an object's JSON text; nothing where there is no value. */
export function extra(field: string, value: string | undefined): string {
  return value === undefined ? '' : `,"${field}":${JSON.stringify(value)}`
}

/** Only a source that can be opened is a citation in this dialect; it has no place for others. */
export function annotation({ url, title, metadata }: Source): object | undefined {
  if (url === undefined) return undefined
  const { start_index = 0, end_index = 0 } = metadata ?? {}
  return { type: 'url_citation', url_citation: { url, title, start_index, end_index } }
}

/** The calls of an answer that are the client's to run: one that has its result was the server's. */
export function clientCalls(parts: readonly Part[]) {
  const answered = new Set(parts.map((part) => (part.type === 'tool-result' ? part.callId : undefined)))
  return parts.filter((part) => part.type === 'tool-call').filter(({ callId }) => !answered.has(callId))
}

/** `tool_calls` of a message. */
export function toolCallsOf(calls: ReturnType<typeof clientCalls>) {
  return calls.map(({ callId, name, arguments: text }) => ({
    id: callId,
    type: 'function' as const,
    function: { name, arguments: text },
  }))
}
