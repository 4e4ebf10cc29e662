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

/** The API wants every object schema to say that it takes no further properties. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed)
  if (!isObject(schema)) return schema
  const inner = Object.fromEntries(Object.entries(schema).map(([name, value]) => [name, closed(value)]))
  const open = schema.type === 'object' || isObject(schema.properties)
  return open && typeof schema.additionalProperties !== 'boolean' ? { ...inner, additionalProperties: false } : inner
}
