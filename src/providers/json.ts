import { AppError } from '#errors/index.ts'

export type JsonObject = Record<string, unknown>

/** JSON text whose strings are well-formed Unicode: half an emoji, cut off by a limit, makes upstreams refuse the request. */
export function encodeJson(value: unknown): string {
  const text = JSON.stringify(value)
  if (!text.includes('\\ud')) return text
  return JSON.stringify(value, (_key, item: unknown) => (typeof item === 'string' ? item.toWellFormed() : item))
}

/** JSON text from an upstream → object. Throws `upstream-malformed` with the text's beginning in `cause`. */
export function parseUpstreamJson(text: string): JsonObject {
  const value = parseJson(text)
  if (isObject(value)) return value
  const cause = new Error(`Not a JSON object: ${text.slice(0, 1_000)}`)
  throw new AppError('upstream-malformed', 'The upstream’s answer is not a JSON object', { cause })
}

/** The value of a JSON text, undefined when it is not one. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A tool call's raw arguments as an object. What is no JSON object is kept under `_raw`, so that the model sees what it wrote. */
export function argumentsObject(text: string): JsonObject {
  if (text.trim() === '') return {}
  const value = parseJson(text)
  return isObject(value) ? value : { _raw: value ?? text }
}
