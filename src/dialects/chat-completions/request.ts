import { type Static, Type } from 'typebox'

/**
 * The Chat Completions request: every field of OpenAI's current API and of CoAI's (CONTRACTS §2.2, §3.3). What the
 * schema leaves open (`Unknown`) is passed on to the upstream as it is; messages are checked by decode-messages.
 */
const nullable = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) => Type.Union([schema, Type.Null()])

const FunctionSpec = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 128 }),
  description: Type.Optional(nullable(Type.String())),
  parameters: Type.Optional(nullable(Type.Record(Type.String(), Type.Unknown()))),
  strict: Type.Optional(nullable(Type.Boolean())),
})

export const ChatCompletionRequest = Type.Object({
  model: Type.Optional(Type.String({ maxLength: 256 })),
  messages: Type.Array(Type.Object({ role: Type.String() }), { minItems: 1, maxItems: 4096 }),
  stream: Type.Optional(nullable(Type.Boolean())),
  stream_options: Type.Optional(nullable(Type.Object({ include_usage: Type.Optional(nullable(Type.Boolean())) }))),
  temperature: Type.Optional(nullable(Type.Number({ minimum: 0, maximum: 2 }))),
  top_p: Type.Optional(nullable(Type.Number({ minimum: 0, maximum: 1 }))),
  top_k: Type.Optional(nullable(Type.Integer({ minimum: 0, maximum: 1_000_000 }))),
  max_tokens: Type.Optional(nullable(Type.Integer({ minimum: 1, maximum: 10_000_000 }))),
  max_completion_tokens: Type.Optional(nullable(Type.Integer({ minimum: 1, maximum: 10_000_000 }))),
  stop: Type.Optional(nullable(Type.Union([Type.String(), Type.Array(Type.String(), { maxItems: 16 })]))),
  presence_penalty: Type.Optional(nullable(Type.Number({ minimum: -2, maximum: 2 }))),
  frequency_penalty: Type.Optional(nullable(Type.Number({ minimum: -2, maximum: 2 }))),
  repetition_penalty: Type.Optional(nullable(Type.Number())),
  seed: Type.Optional(nullable(Type.Integer({ minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER }))),
  n: Type.Optional(nullable(Type.Integer({ minimum: 1, maximum: 128 }))),
  reasoning_effort: Type.Optional(
    nullable(
      Type.Union(
        (['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'] as const).map((effort) => Type.Literal(effort)),
      ),
    ),
  ),
  tools: Type.Optional(
    nullable(
      Type.Array(Type.Object({ type: Type.String(), function: Type.Optional(FunctionSpec) }), { maxItems: 512 }),
    ),
  ),
  tool_choice: Type.Optional(
    nullable(
      Type.Union([
        Type.String(),
        Type.Object({
          type: Type.Optional(Type.String()),
          function: Type.Optional(Type.Object({ name: Type.String() })),
        }),
      ]),
    ),
  ),
  functions: Type.Optional(nullable(Type.Array(FunctionSpec, { maxItems: 512 }))),
  function_call: Type.Optional(nullable(Type.Union([Type.String(), Type.Object({ name: Type.String() })]))),
  response_format: Type.Optional(
    nullable(
      Type.Object({
        type: Type.String(),
        json_schema: Type.Optional(
          Type.Object({
            name: Type.String(),
            description: Type.Optional(nullable(Type.String())),
            schema: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
            strict: Type.Optional(nullable(Type.Boolean())),
          }),
        ),
      }),
    ),
  ),
  parallel_tool_calls: Type.Optional(nullable(Type.Boolean())),
  metadata: Type.Optional(nullable(Type.Record(Type.String(), Type.Unknown()))),
  store: Type.Optional(nullable(Type.Boolean())),
  official: Type.Optional(nullable(Type.Boolean())),
})

export type ChatCompletionRequest = Static<typeof ChatCompletionRequest>

/** Fields that only the upstream understands: handed to it under `providerOptions.openai`. */
export const passedOn: ReadonlySet<string> = new Set([
  'audio',
  'logit_bias',
  'logprobs',
  'modalities',
  'moderation',
  'prediction',
  'prompt_cache_key',
  'prompt_cache_options',
  'prompt_cache_retention',
  'repetition_penalty',
  'safety_identifier',
  'service_tier',
  'store',
  'top_logprobs',
  'user',
  'verbosity',
  'web_search_options',
  'enable_thinking',
  'thinking',
  'reasoning',
  'min_p',
  'chat_template_kwargs',
  'extra_body',
])
