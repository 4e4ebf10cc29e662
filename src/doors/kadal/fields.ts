import { invalid } from '#errors/index.ts'
import { isStorable } from '#lib/text.ts'
import { isUuid } from '#lib/uuid.ts'

/** A request's fields by name, wherever they came. */
export type Fields = Readonly<Record<string, unknown>>

/** What clients write into a query where they mean that there is nothing. */
const nothing = new Set(['', 'null', 'None', 'undefined'])

/** Fields of the query and of the body; the body wins, and what is null or empty is not there. */
export function fieldsOf(query: unknown, body: unknown): Fields {
  if (body !== undefined && body !== null && (typeof body !== 'object' || Array.isArray(body)))
    throw invalid('body', 'The body must be a JSON object', 'malformed')
  const inQuery = Object.entries(query ?? {}).filter(([, value]) => !nothing.has(value as string))
  const inBody = Object.entries(body ?? {}).filter(([, value]) => value !== null && value !== '')
  return Object.fromEntries([...inQuery, ...inBody])
}

/** A text of at most `most` characters, as people count them. */
export function textField(fields: Fields, name: string, most: number): string | undefined {
  const value = fields[name]
  if (value === undefined) return undefined
  const text = typeof value === 'number' ? String(value) : value
  if (typeof text !== 'string') throw invalid(name, `${name} must be a string`)
  if (!isStorable(text)) throw invalid(name, `${name} must not contain NUL or broken characters`)
  if (text.length > most && [...text].length > most) throw invalid(name, `${name} must have at most ${most} characters`)
  return text
}

export function uuidField(fields: Fields, name: string): string | undefined {
  const text = textField(fields, name, 100)
  if (text !== undefined && !isUuid(text)) throw invalid(name, `${name} must be a UUID`, 'malformed')
  return text?.toLowerCase()
}

export function requiredUuid(fields: Fields, name: string): string {
  const id = uuidField(fields, name)
  if (id === undefined) throw invalid(name, `'${name}' field is required`, 'missing')
  return id
}

const yes = new Set(['true', '1', 'yes', 'on'])
const no = new Set(['false', '0', 'no', 'off'])

/** JSON's true and false, or what Python's servers take for them in a query, in any case: its clients write True. */
export function flagField(fields: Fields, name: string): boolean {
  const value = fields[name] ?? false
  if (typeof value === 'boolean') return value
  const word = typeof value === 'string' ? value.toLowerCase() : ''
  if (!yes.has(word) && !no.has(word)) throw invalid(name, `${name} must be true or false`)
  return yes.has(word)
}

/** A whole number of at least `least`. */
export function wholeField(fields: Fields, name: string, least: number): number | undefined {
  const value = fields[name]
  if (value === undefined) return undefined
  const number = typeof value === 'string' && /^[+-]?\d+$/.test(value.trim()) ? Number(value) : value
  if (typeof number !== 'number' || !Number.isSafeInteger(number)) throw invalid(name, `${name} must be a whole number`)
  if (number < least) throw invalid(name, `${name} must be at least ${least}`)
  return number
}

export function choiceField<T extends string>(fields: Fields, name: string, choices: readonly T[]): T | undefined {
  const text = textField(fields, name, 100)
  const choice = choices.find((one) => one === text)
  if (text !== undefined && choice === undefined) throw invalid(name, `${name} must be one of ${choices.join(', ')}`)
  return choice
}
