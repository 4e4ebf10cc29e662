import { isObject, type JsonObject } from '../json.ts'
import type { ModelCall } from '../spec.ts'
import { abilitiesOf } from './model-abilities.ts'

/** `output_config.format` for models that know it. */
export function toOutputFormat(call: ModelCall): object {
  const format = call.responseFormat
  if (format?.type !== 'json-schema' || !abilitiesOf(call.model).outputFormat) return {}
  return { format: { type: 'json_schema', schema: closed(format.schema) } }
}

/**
 * For other models: a tool whose arguments are the answer. Its input is told as text (see from-events).
 * Undefined when no schema was asked for.
 */
export function answerToolOf(
  call: ModelCall,
): { name: string; description: string; input_schema: JsonObject } | undefined {
  const format = call.responseFormat
  if (format?.type !== 'json-schema' || abilitiesOf(call.model).outputFormat) return undefined
  const name = `answer_${format.name}`.replace(/[^\w-]/g, '_').slice(0, 64)
  const description = format.description ?? 'Give the answer through this tool, exactly once.'
  return { name, description, input_schema: { type: 'object', ...format.schema } }
}

/** Words of a schema under which there are schemas by names of one's own, and those under which there are only values. */
const named = new Set(['properties', '$defs', 'definitions'])
const values = new Set(['const', 'enum', 'default', 'examples'])
/** Words that the API refuses a schema for. */
const refused = new Set([
  ...['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf', 'minLength', 'maxLength'],
  ...['maxItems', 'uniqueItems', 'minProperties', 'maxProperties'],
])

/**
 * The API wants every object schema to say that it takes no further properties. What it has no word for is told to the
 * model in the description, as the vendor's own SDKs do.
 */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed)
  if (!isObject(schema)) return schema
  const words = Object.entries(schema)
  const told = words.filter(([word, value]) => isRefused(word, value)).map((rule) => rule.join(': '))
  const kept = Object.fromEntries(words.filter(([word, value]) => !isRefused(word, value)))
  const inner = mapped(kept, (value, word) => {
    if (values.has(word)) return value
    return named.has(word) && isObject(value) ? mapped(value, closed) : closed(value)
  })
  if (told.length > 0)
    inner.description = [schema.description, `(${told.join(', ')})`]
      .filter((text) => typeof text === 'string')
      .join(' ')
  const open = schema.type === 'object' || isObject(schema.properties)
  return open && typeof schema.additionalProperties !== 'boolean' ? { ...inner, additionalProperties: false } : inner
}

function isRefused(word: string, value: unknown): boolean {
  return refused.has(word) || (word === 'minItems' && typeof value === 'number' && value > 1)
}

function mapped(object: JsonObject, change: (value: unknown, name: string) => unknown): JsonObject {
  return Object.fromEntries(Object.entries(object).map(([name, value]) => [name, change(value, name)]))
}
