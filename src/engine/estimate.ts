import type { Message, Part, Usage } from '#contracts/index.ts'
import { estimateTokens } from '#lib/tokens.ts'
import type { InputUsage } from '#providers/spec.ts'

/** What upstreams charge for a picture of common size; none of them tells beforehand. */
const imageTokens = 800
/** Framing of a message: role and separators. */
const messageTokens = 4

function estimatePart(part: Part): number {
  switch (part.type) {
    case 'text':
    case 'reasoning':
    case 'refusal':
      return estimateTokens(part.text)
    case 'tool-call':
      return estimateTokens(part.name) + estimateTokens(part.arguments)
    case 'tool-result':
      return estimateTokens(part.result)
    case 'image':
      return imageTokens
    case 'audio':
      return Math.ceil(part.data.length / 1000)
    case 'file':
      return part.text === undefined ? Math.ceil((part.data?.length ?? 0) / 6) : estimateTokens(part.text)
    case 'input':
      return part.parts.reduce((sum, inner) => sum + estimatePart(inner), 0)
    case 'source':
      return 0
  }
}

/** Tokens that one message will probably take in a model's context. */
export function estimateMessage(message: Message): number {
  return message.parts.reduce((sum, part) => sum + estimatePart(part), messageTokens)
}

export function estimateMessages(messages: readonly Message[]): number {
  return messages.reduce((sum, message) => sum + estimateMessage(message), 0)
}

/** Usage of a model call whose upstream gave none, or had `told` of the input only. */
export function estimateUsage(messages: readonly Message[], written: string, told?: InputUsage): Usage {
  return {
    inputTokens: told?.inputTokens ?? estimateMessages(messages),
    outputTokens: estimateTokens(written),
    cachedInputTokens: told?.cachedInputTokens ?? 0,
    reasoningTokens: 0,
    estimated: true,
  }
}
