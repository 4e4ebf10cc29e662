import { linesOf, type ToolChoice, type ToolSpec } from '#contracts/index.ts'
import { type Speech, toSpeeches } from '../conversation.ts'
import { isObject } from '../json.ts'
import { passableOptions } from '../passable-options.ts'
import { ownSignature } from '../signature.ts'
import type { ModelCall } from '../spec.ts'
import { answerToolOf, toOutputFormat } from './answer-format.ts'
import type { MessagesRequest } from './api.ts'
import { abilitiesOf } from './model-abilities.ts'
import { toMessages } from './to-messages.ts'

/** The API has no default. */
const defaultMaxTokens = 8_192
/** Least budget the API takes, and what must be left for the answer itself. */
const leastBudget = 1_024
/** With the answer's own limit it comes to 32,000 tokens, which is all that some models write. */
const mostBudget = 32_000 - defaultMaxTokens
const budgets: Record<string, number> = {
  minimal: 1_024,
  low: 2_048,
  medium: 8_192,
  high: 16_384,
  xhigh: mostBudget,
  max: mostBudget,
}

export const kind = 'anthropic'

/** ModelCall → body of POST /messages. `call.options` fills in what Parley has no word for (`thinking`, `metadata`, ...). */
export function toMessagesRequest(call: ModelCall): MessagesRequest {
  const { sampling } = call
  const options = passableOptions(call.options, ['model', 'messages', 'stream', 'system', 'tools', 'tool_choice'])
  const speeches = toSpeeches(call.messages)
  const answerTool = answerToolOf(call)
  const thinking = answerTool ? {} : thinkingOf(call, speeches, options)
  const thinks = thinking.thinking !== undefined
  const abilities = abilitiesOf(call.model)
  const system = systemOf(call, speeches)
  const tools = [...call.tools.map(toTool), ...(answerTool ? [answerTool] : [])]
  const { output_config: givenConfig, ...rest } = options
  // The protocol refuses one that is only white space: then the model goes on there, and the other ones still hold.
  const stops = (sampling.stop ?? []).filter((text) => text.trim() !== '')
  const config = { ...(isObject(givenConfig) ? givenConfig : {}), ...thinking.effort, ...toOutputFormat(call) }
  return {
    ...rest,
    model: call.model,
    messages: toMessages(speeches),
    stream: !call.whole,
    max_tokens: thinking.maxTokens ?? sampling.maxOutputTokens ?? numberOr(options.max_tokens, defaultMaxTokens),
    ...(system !== '' && { system }),
    ...(thinks && { thinking: thinking.thinking }),
    ...(Object.keys(config).length > 0 && { output_config: config }),
    ...(tools.length > 0 && { tools, ...toolChoiceOf(call, thinks, answerTool) }),
    ...(stops.length > 0 && { stop_sequences: stops }),
    ...(abilities.sampling && !thinks && samplingOf(call)),
  }
}

function samplingOf({ sampling }: ModelCall): object {
  return {
    // The protocol's range ends at 1, others' at 2.
    ...(sampling.temperature !== undefined && { temperature: Math.min(sampling.temperature, 1) }),
    // Newer models refuse both at once.
    ...(sampling.topP !== undefined && sampling.temperature === undefined && { top_p: sampling.topP }),
    ...(sampling.topK !== undefined && { top_k: sampling.topK }),
  }
}

type Choice = { type: 'auto' | 'any' | 'none' } | { type: 'tool'; name: string }

interface Thinking {
  thinking?: unknown
  effort?: { effort: string }
  maxTokens?: number
}

function thinkingOf(call: ModelCall, speeches: readonly Speech[], options: Record<string, unknown>): Thinking {
  const { reasoningEffort: effort, maxOutputTokens } = call.sampling
  if (options.thinking !== undefined) return { thinking: options.thinking }
  if (effort === undefined || effort === 'none' || lacksProof(speeches)) return {}
  const abilities = abilitiesOf(call.model)
  if (abilities.adaptiveThinking) {
    const most = abilities.xhigh ? 'xhigh' : 'max'
    const word = effort === 'minimal' ? 'low' : effort === 'xhigh' ? most : effort
    return { thinking: { type: 'adaptive' }, effort: { effort: word } }
  }
  const wanted = budgets[effort]!
  const budget = maxOutputTokens === undefined ? wanted : Math.min(wanted, maxOutputTokens - leastBudget)
  if (budget < leastBudget) return {}
  const thinking = { type: 'enabled', budget_tokens: budget }
  return maxOutputTokens === undefined ? { thinking, maxTokens: budget + defaultMaxTokens } : { thinking }
}

/** Going on behind tool calls, the API wants the thoughts that led to them; another model's calls have none. */
function lacksProof(speeches: readonly Speech[]): boolean {
  const last = speeches.findLast((speech) => speech.role !== 'system')
  if (last?.role !== 'assistant' || last.calls.length === 0) return false
  return !last.parts.some((part) => part.type === 'reasoning' && ownSignature(kind, part.signature) !== undefined)
}

function systemOf(call: ModelCall, speeches: readonly Speech[]): string {
  const texts = speeches.filter((speech) => speech.role === 'system').map((speech) => linesOf(speech.parts))
  if (call.responseFormat?.type === 'json') texts.push('Answer with one JSON object and nothing else.')
  return texts.filter((text) => text.trim() !== '').join('\n\n')
}

function toTool(tool: ToolSpec): object {
  return {
    name: tool.name,
    ...(tool.description !== undefined && { description: tool.description }),
    input_schema: { type: 'object', ...tool.parameters },
  }
}

function toolChoiceOf(call: ModelCall, thinks: boolean, answerTool: { name: string } | undefined): object {
  const choice = answerTool ? answerChoice(call, answerTool) : toToolChoice(call.toolChoice, thinks)
  if (call.parallelToolCalls !== false || choice?.type === 'none') return choice ? { tool_choice: choice } : {}
  return { tool_choice: { ...(choice ?? { type: 'auto' }), disable_parallel_tool_use: true } }
}

/** The tool that the answer is given with is called at the end, after what others there are. */
function answerChoice({ tools, toolChoice }: ModelCall, { name }: { name: string }): Choice {
  return tools.length === 0 || toolChoice === 'none' ? { type: 'tool', name } : { type: 'any' }
}

function toToolChoice(choice: ToolChoice | undefined, thinks: boolean): Choice | undefined {
  if (choice === undefined || choice === 'auto' || choice === 'none') return choice && { type: choice }
  // A model that thinks may not be forced to call.
  if (thinks) return { type: 'auto' }
  return choice === 'required' ? { type: 'any' } : { type: 'tool', name: choice.name }
}

function numberOr(value: unknown, otherwise: number): number {
  return typeof value === 'number' ? value : otherwise
}
