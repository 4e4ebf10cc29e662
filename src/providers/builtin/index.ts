/**
 * The upstream that is always there: no language model, but honest retrieval. It quotes the sentences of what the call
 * holds (files, pasted text, the conversation) that match the last question, cites them, and says so when there are
 * none. It must never write as if it understood, and never reach outside the call.
 */
import { setImmediate as nextTurnOfLoop } from 'node:timers/promises'
import { type Message, textOf, type Usage } from '#contracts/index.ts'
import { AppError } from '#errors/index.ts'
import type { CancelSignal } from '#lib/cancellation.ts'
import { estimateTokens } from '#lib/tokens.ts'
import type { ModelCall, ModelPart, Provider, ProviderIo } from '../spec.ts'
import { type Block, composeAnswer, cutAnswer, wordwise } from './compose-answer.ts'
import { type Gathered, gatherSources } from './gather-sources.ts'
import { rankPassages } from './rank.ts'
import { readQuestion } from './read-question.ts'

const models = ['extractive']
/** Deltas between two chances for others to run. */
const deltasPerSlice = 16

export const builtin: Provider = { kind: 'builtin', streamModel, listModels: async () => [...models] }

async function* streamModel(call: ModelCall, io: ProviderIo): AsyncGenerator<ModelPart[], void> {
  refuseUnsupported(call)
  const pause = async (): Promise<void> => {
    throwIfCancelled(io.signal)
    await nextTurnOfLoop()
    throwIfCancelled(io.signal)
  }
  throwIfCancelled(io.signal)

  const question = readQuestion(call.messages)
  const gathered = gatherSources(call.messages, question)
  await pause()
  const ranking = await rankPassages(question.text, gathered.sources, pause)
  const answer = cutAnswer(composeAnswer(gathered, ranking), call.sampling, estimateTokens)

  if (call.whole) yield* sendWhole(answer.blocks)
  else yield* sendWordwise(answer.blocks, pause)
  throwIfCancelled(io.signal)
  yield [
    { type: 'finish', finishReason: answer.finishReason, usage: countUsage(call.messages, gathered, answer.blocks) },
  ]
}

function* sendWhole(blocks: readonly Block[]): Generator<ModelPart[], void> {
  const parts: ModelPart[] = blocks.flatMap(({ source }) => (source ? [{ type: 'source' as const, source }] : []))
  const text = blocks.map((block) => block.text).join('')
  if (text !== '') parts.push({ type: 'text', text })
  if (parts.length > 0) yield parts
}

async function* sendWordwise(blocks: readonly Block[], pause: () => Promise<void>): AsyncGenerator<ModelPart[], void> {
  let sent = 0
  for (const { text, source } of blocks) {
    if (source) yield [{ type: 'source', source }]
    for (const piece of wordwise(text)) {
      if (sent++ % deltasPerSlice === 0) await pause()
      yield [{ type: 'text', text: piece }]
    }
  }
}

function refuseUnsupported(call: ModelCall): void {
  const { toolChoice, responseFormat } = call
  if (toolChoice === 'required' || typeof toolChoice === 'object') {
    throw unsupported('tool_choice', 'builtin/extractive cannot call tools; that needs a real model.')
  }
  if (responseFormat && responseFormat.type !== 'text') {
    throw unsupported('response_format', 'builtin/extractive cannot write JSON; that needs a real model.')
  }
}

function unsupported(field: string, message: string): AppError {
  return new AppError('unsupported', message, { details: { field } })
}

function throwIfCancelled(signal: CancelSignal): void {
  if (signal.aborted) throw new AppError('cancelled', 'The model call was cancelled.')
}

/** Exact by this provider's own definition of a token: all text of the messages, the files it read, the text it sent. */
function countUsage(messages: readonly Message[], gathered: Gathered, blocks: readonly Block[]): Usage {
  let inputTokens = 0
  for (const { parts } of messages) {
    inputTokens += estimateTokens(textOf(parts))
    for (const part of parts) if (part.type === 'tool-result') inputTokens += estimateTokens(part.result)
  }
  for (const { origin, text } of gathered.sources) if (origin === 'file') inputTokens += estimateTokens(text)
  const outputTokens = estimateTokens(blocks.map((block) => block.text).join(''))
  return { inputTokens, outputTokens, cachedInputTokens: 0, reasoningTokens: 0, estimated: false }
}
