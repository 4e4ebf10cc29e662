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
  const { stream_options: streamOptions, ...options } = passableOptions(call.options, reserved)
  const request = options as ChatRequest
  setLimit(request, call.sampling.maxOutputTokens, dialect)
  setSampling(request, call, dialect)
  if (call.tools.length > 0) {
    request.tools = call.tools.map(toTool)
    set(request, 'tool_choice', toToolChoice(call.toolChoice))
    set(request, 'parallel_tool_calls', call.parallelToolCalls)
  }
  set(request, 'response_format', toResponseFormat(call.responseFormat))
  request.model = call.model
  request.messages = toMessages(toSpeeches(call.messages), dialect)
  request.stream = !call.whole
  if (!call.whole)
    request.stream_options = { ...(typeof streamOptions === 'object' ? streamOptions : {}), include_usage: true }
  return request
}

function setLimit(request: ChatRequest, limit: number | undefined, dialect: Dialect): void {
  if (limit === undefined) return
  const field = 'max_completion_tokens' in request ? 'max_completion_tokens' : dialect.maxTokensField
  delete request.max_tokens
  delete request.max_completion_tokens
  request[field] = limit
}

function setSampling(request: ChatRequest, { sampling }: ModelCall, dialect: Dialect): void {
  set(request, 'temperature', sampling.temperature)
  set(request, 'top_p', sampling.topP)
  set(request, 'top_k', dialect.topK ? sampling.topK : undefined)
  set(request, 'stop', sampling.stop?.length ? sampling.stop : undefined)
  set(request, 'presence_penalty', sampling.presencePenalty)
  set(request, 'frequency_penalty', sampling.frequencyPenalty)
  set(request, 'seed', sampling.seed)
  set(request, 'reasoning_effort', sampling.reasoningEffort)
}

/** What is not said leaves the option of that name as it is. */
function set(request: ChatRequest, field: string, value: unknown): void {
  if (value !== undefined) request[field] = value
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
