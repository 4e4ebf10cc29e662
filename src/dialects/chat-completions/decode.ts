import type { ResponseFormat, Sampling, ToolChoice, ToolSpec, TurnRequest } from '#contracts/index.ts'
import { AppError, invalid } from '#errors/index.ts'
import { decodeMessages } from './decode-messages.ts'
import { type ChatCompletionRequest, passedOn } from './request.ts'

/** The parts of a TurnRequest that a Chat Completions body gives; who asks and where belongs to the door. */
export type DecodedCompletion = Pick<
  TurnRequest,
  | 'messages'
  | 'sampling'
  | 'tools'
  | 'toolChoice'
  | 'parallelToolCalls'
  | 'responseFormat'
  | 'metadata'
  | 'providerOptions'
  | 'delivery'
> & {
  stream: boolean
  includeUsage: boolean
  /** The client spoke of `functions`: it wants `function_call` back. */
  legacyFunctions: boolean
}

/** Throws `invalid-request` or `unsupported`, naming the field. */
export function decodeCompletion(body: ChatCompletionRequest): DecodedCompletion {
  if (body.n != null && body.n > 1) throw unsupported('n', 'n greater than 1 is not supported: a turn has one answer')
  const legacy = body.functions != null
  refuseMixed(body)
  const toolChoice = legacy || body.function_call != null ? functionChoice(body) : choice(body.tool_choice)
  const responseFormat = format(body.response_format)
  const options: Record<string, unknown> = {}
  // By what was sent, which is little, and not by all that might have been.
  for (const [field, value] of Object.entries(body)) if (value != null && passedOn.has(field)) options[field] = value
  return {
    messages: decodeMessages(body.messages),
    sampling: sampling(body),
    tools: legacy ? (body.functions ?? []).map(toolSpec) : tools(body.tools),
    toolChoice,
    parallelToolCalls: body.parallel_tool_calls ?? undefined,
    responseFormat,
    metadata: body.metadata ?? undefined,
    providerOptions: { openai: options },
    stream: body.stream === true,
    delivery: body.stream === true ? 'stream' : 'whole',
    includeUsage: body.stream_options?.include_usage === true,
    legacyFunctions: legacy,
  }
}

function sampling(body: ChatCompletionRequest): Sampling {
  const maxOutputTokens = body.max_completion_tokens ?? body.max_tokens
  const out: Sampling = {}
  if (body.temperature != null) out.temperature = body.temperature
  if (body.top_p != null) out.topP = body.top_p
  if (body.top_k != null) out.topK = body.top_k
  if (maxOutputTokens != null) out.maxOutputTokens = maxOutputTokens
  if (body.stop != null) out.stop = typeof body.stop === 'string' ? [body.stop] : body.stop
  if (body.presence_penalty != null) out.presencePenalty = body.presence_penalty
  if (body.frequency_penalty != null) out.frequencyPenalty = body.frequency_penalty
  if (body.seed != null) out.seed = body.seed
  if (body.reasoning_effort != null) out.reasoningEffort = body.reasoning_effort
  return out
}

function tools(given: ChatCompletionRequest['tools']): ToolSpec[] {
  return (given ?? []).map((tool, index) => {
    if (tool.type !== 'function')
      throw unsupported(
        `tools[${index}].type`,
        `tools[${index}].type must be "function"; ${tool.type} is not supported`,
      )
    if (!tool.function) throw invalid(`tools[${index}].function`, `tools[${index}].function is required`)
    return toolSpec(tool.function)
  })
}

function toolSpec(given: NonNullable<ChatCompletionRequest['functions']>[number]): ToolSpec {
  return {
    name: given.name,
    ...(given.description != null && { description: given.description }),
    ...(given.parameters != null && { parameters: given.parameters }),
    ...(given.strict != null && { strict: given.strict }),
    side: 'client',
  }
}

/** One of the two ways to speak of tools: of both, one would be lost. */
function refuseMixed({ functions, function_call: call, tools: given, tool_choice: choice }: ChatCompletionRequest) {
  if (functions != null && given?.length) throw invalid('functions', 'functions cannot be given together with tools')
  if (functions != null && choice != null)
    throw invalid('tool_choice', 'tool_choice goes with tools; with functions it is function_call')
  if (call != null && choice != null)
    throw invalid('function_call', 'function_call cannot be given together with tool_choice')
}

function choice(given: ChatCompletionRequest['tool_choice']): ToolChoice | undefined {
  if (given == null || given === 'auto' || given === 'none') return given ?? undefined
  if (typeof given === 'string' && given !== 'required')
    throw invalid('tool_choice', 'tool_choice must be "none", "auto", "required" or an object that names a function')
  if (typeof given === 'object' && (given.type !== 'function' || !given.function))
    throw unsupported('tool_choice', 'tool_choice must name a function: {"type":"function","function":{"name":…}}')
  return typeof given === 'object' ? { name: given.function!.name } : given
}

function functionChoice(body: ChatCompletionRequest): ToolChoice | undefined {
  const given = body.function_call
  if (given == null) return undefined
  if (typeof given === 'object') {
    if (!body.functions?.length)
      throw invalid('function_call', 'function_call can name a function only where functions are given')
    return { name: given.name }
  }
  if (given === 'auto' || given === 'none') return given
  throw invalid('function_call', 'function_call must be "none", "auto" or an object with a name')
}

function format(given: ChatCompletionRequest['response_format']): ResponseFormat | undefined {
  if (given == null || given.type === 'text') return undefined
  if (given.type === 'json_object') return { type: 'json' }
  if (given.type !== 'json_schema')
    throw unsupported('response_format.type', 'response_format.type must be text, json_object or json_schema')
  const wanted = given.json_schema
  if (!wanted?.schema) throw invalid('response_format.json_schema', 'response_format.json_schema.schema is required')
  return {
    type: 'json-schema',
    name: wanted.name,
    schema: wanted.schema,
    ...(wanted.description != null && { description: wanted.description }),
    ...(wanted.strict != null && { strict: wanted.strict }),
  }
}

function unsupported(field: string, message: string): AppError {
  return new AppError('unsupported', message, { details: { field } })
}
