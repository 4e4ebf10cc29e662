import { type Static, Type } from 'typebox'
import type { AppInput } from '#features/apps/index.ts'

// Lists of types, not unions: validators that coerce would turn the null of a union into 0.
const number = (minimum: number, maximum: number) =>
  Type.Optional(Type.Unsafe<number | null>({ type: ['number', 'null'], minimum, maximum }))
const integer = (minimum: number, maximum: number) =>
  Type.Optional(Type.Unsafe<number | null>({ type: ['integer', 'null'], minimum, maximum }))
const text = (maxLength: number) => Type.Optional(Type.Unsafe<string | null>({ type: ['string', 'null'], maxLength }))
const texts = Type.Optional(
  Type.Unsafe<string[] | null>({ type: ['array', 'null'], items: { type: 'string' }, maxItems: 20 }),
)

const settings = {
  description: Type.Optional(Type.String({ maxLength: 4000 })),
  type: Type.Optional(Type.String({ enum: ['chat', 'workflow', 'channel'] })),
  slug: Type.Optional(Type.String({ maxLength: 64 })),
  enabled: Type.Optional(Type.Boolean()),
  model: text(200),
  system_prompt: text(200_000),
  temperature: number(0, 2),
  top_p: number(0, 1),
  max_tokens: integer(1, 10_000_000),
  stop: texts,
  presence_penalty: number(-2, 2),
  frequency_penalty: number(-2, 2),
  context_strategy: text(20),
  context_max_tokens: integer(0, 100_000_000),
  history_length: integer(0, 200),
  suggested_questions: texts,
  definition: Type.Optional(Type.Unsafe<Record<string, unknown> | null>({ type: ['object', 'null'] })),
}

export const appCreation = Type.Object({ name: Type.String({ minLength: 1, maxLength: 200 }), ...settings })
export const appChange = Type.Object({
  name: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
  ...settings,
})

/** The body's known fields, one by one: nothing else of it gets further. */
export function decodeApp(body: Static<typeof appChange>): Partial<AppInput> {
  return given({
    name: body.name,
    description: body.description,
    type: body.type,
    slug: body.slug,
    enabled: body.enabled,
    config: given({
      model: body.model,
      systemPrompt: body.system_prompt,
      temperature: body.temperature,
      topP: body.top_p,
      maxOutputTokens: body.max_tokens,
      stop: body.stop,
      presencePenalty: body.presence_penalty,
      frequencyPenalty: body.frequency_penalty,
      contextStrategy: body.context_strategy,
      contextMaxTokens: body.context_max_tokens,
      historyLength: body.history_length,
      suggestedQuestions: body.suggested_questions,
      definition: body.definition,
    }),
  })
}

function given<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as T
}
