import { type Message, type Part, textOf } from '#contracts/index.ts'
import { AppError } from '#errors/index.ts'
import { estimateMessage } from './estimate.ts'

/** How a conversation is made to fit. `maxTokens` 0: no limit but the upstream's own. */
export interface ContextPolicy {
  strategy: 'truncate' | 'summarize' | 'error'
  maxTokens: number
}

export interface FittedContext {
  messages: Message[]
  /** Present when something was left out. `dropped` is what the model will not read, oldest first. */
  trim?: { originalTokens: number; trimmedTokens: number; dropped: Message[] }
}

/**
 * Keeps the system messages and the newest messages that fit into `policy.maxTokens`, whole exchanges only: what is
 * kept begins with a user message, so that no answer or tool result stands without what it answers.
 *
 * Throws `context-too-long` when the strategy is `error`, or when even the last user message does not fit.
 */
export function fitContext(messages: Message[], policy: ContextPolicy): FittedContext {
  if (policy.maxTokens <= 0) return { messages }
  const sizes = messages.map(estimateMessage)
  const originalTokens = sizes.reduce((sum, size) => sum + size, 0)
  if (originalTokens <= policy.maxTokens) return { messages }
  if (policy.strategy === 'error') throw tooLong(originalTokens, policy.maxTokens)

  const isSystem = (index: number) => messages[index]!.role === 'system'
  let used = sizes.reduce((sum, size, index) => (isSystem(index) ? sum + size : sum), 0)
  let from = messages.length
  for (let index = messages.length - 1; index >= 0; index--) {
    if (isSystem(index)) continue
    if (used + sizes[index]! > policy.maxTokens) break
    used += sizes[index]!
    from = index
  }
  while (from < messages.length && messages[from]!.role !== 'user') from++
  if (from === messages.length) throw tooLong(originalTokens, policy.maxTokens)

  const kept: Message[] = []
  const dropped: Message[] = []
  messages.forEach((message, index) => {
    if (isSystem(index) || index >= from) kept.push(message)
    else dropped.push(message)
  })
  const trimmedTokens = kept.reduce((sum, message) => sum + estimateMessage(message), 0)
  return { messages: kept, trim: { originalTokens, trimmedTokens, dropped } }
}

/** What a model is asked when dropped messages are to be summarized. */
export function summaryQuestion(dropped: Message[], maxWords: number): Message[] {
  const transcript = dropped
    .map((message) => `${message.role}: ${textOf(message.parts)}`)
    .filter((line) => !line.endsWith(': '))
    .join('\n\n')
  return [
    {
      role: 'system',
      parts: [
        text(
          `Summarize the conversation you are given in at most ${maxWords} words, in its own language. Keep names, numbers, decisions, open questions and what the user wants. Write only the summary.`,
        ),
      ],
    },
    { role: 'user', parts: [text(transcript)] },
  ]
}

/** Puts a summary where the dropped messages were: after the system messages. */
export function withSummary(kept: Message[], summary: string): Message[] {
  const system = kept.filter((message) => message.role === 'system')
  const rest = kept.filter((message) => message.role !== 'system')
  return [...system, { role: 'system', parts: [text(`Summary of the conversation so far: ${summary}`)] }, ...rest]
}

function text(content: string): Part {
  return { type: 'text', text: content }
}

function tooLong(tokens: number, limit: number): AppError {
  return new AppError(
    'context-too-long',
    `The conversation has about ${tokens} tokens, but the app allows ${limit}. Shorten the input or start a new conversation.`,
    { details: { field: 'messages', tokens, limit } },
  )
}
