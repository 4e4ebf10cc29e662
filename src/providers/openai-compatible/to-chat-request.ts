import type { ResponseFormat, ToolChoice, ToolSpec } from '#contracts/index.ts'
import { toSpeeches } from '../conversation.ts'
import { passableOptions } from '../passable-options.ts'
import type { ModelCall } from '../spec.ts'
import type { ChatRequest } from './api.ts'
import { type Dialect, dialectOf } from './dialect.ts'
import { toMessages } from './to-messages.ts'

/** Fields that are ours to say. `n`: one answer is read, so more would be paid for and thrown away. */
const reserved = ['model', 'messages', 'stream', 'n']

/**
 * ModelCall → body of POST /chat/completions. `call.options` fills in what Parley has no word for; what Parley says
 * itself wins over it, so that a limit set by an app cannot be lifted from outside.
 */
export function toChatRequest(call: ModelCall): ChatRequest {
  const dialect = dialectOf(call.endpoint.url)
  const options = passableOptions(call.options, reserved)
  const { stream_options: streamOptions, ...all } = options
  const { max_tokens: _old, max_completion_tokens: _new, ...unlimited } = all
  const limit = call.sampling.maxOutputTokens
  const limitField = 'max_completion_tokens' in all ? 'max_completion_tokens' : dialect.maxTokensField
  return {
    ...(limit === undefined ? all : { ...unlimited, [limitField]: limit }),
    ...withoutUndefined({
      ...sampling(call, dialect),
      tools: call.tools.length === 0 ? undefined : call.tools.map(toTool),
      tool_choice: call.tools.length === 0 ? undefined : toToolChoice(call.toolChoice),
      response_format: toResponseFormat(call.responseFormat),
    }),
    model: call.model,
    messages: toMessages(toSpeeches(call.messages), dialect),
    stream: !call.whole,
    ...(!call.whole && {
      stream_options: { ...(typeof streamOptions === 'object' ? streamOptions : {}), include_usage: true },
    }),
  }
}

function sampling({ sampling }: ModelCall, dialect: Dialect): Record<string, unknown> {
  return {
    temperature: sampling.temperature,
    top_p: sampling.topP,
    top_k: dialect.topK ? sampling.topK : undefined,
    stop: sampling.stop?.length ? sampling.stop : undefined,
    presence_penalty: sampling.presencePenalty,
    frequency_penalty: sampling.frequencyPenalty,
    seed: sampling.seed,
    reasoning_effort: sampling.reasoningEffort,
  }
}

function toTool(tool: ToolSpec): object {
  return {
    type: 'function',
    function: withoutUndefined({
      name: tool.name,
      description: tool.description,
      parameters: tool.parameters ?? { type: 'object', properties: {} },
      strict: tool.strict,
    }),
  }
}

function toToolChoice(choice: ToolChoice | undefined): unknown {
  return typeof choice === 'object' ? { type: 'function', function: { name: choice.name } } : choice
}

function toResponseFormat(format: ResponseFormat | undefined): unknown {
  if (format?.type === 'json') return { type: 'json_object' }
  if (format?.type !== 'json-schema') return undefined
  const { name, description, schema, strict } = format
  return { type: 'json_schema', json_schema: withoutUndefined({ name, description, schema, strict }) }
}

function withoutUndefined(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
}
