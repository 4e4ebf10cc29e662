import { invalid } from '#errors/index.ts'
import { isStorable } from '#lib/text.ts'
import type { Fields } from './codec.ts'

const longestId = 255

/** An id or name that is absent, null or empty (Python clients send all of their defaults), or one that may be stored. */
export function optionalId(given: Fields, field: string, at = ''): string | undefined {
  const value = given[field]
  if (value === undefined || value === null || value === '') return undefined
  if (typeof value !== 'string' || value.length > longestId)
    throw invalid(at + field, `${at}${field} must be a string of at most ${longestId} characters`)
  if (!isStorable(value)) throw invalid(at + field, `${at}${field} must not contain NUL or broken characters`)
  return value
}

export function requiredId(given: Fields, field: string): string {
  const value = optionalId(given, field)
  if (value === undefined) throw invalid(field, `${field} is required`, 'missing')
  return value
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)
}

export function objectAt(value: unknown, at: string): Fields {
  if (!isFields(value)) throw invalid(at, `${at} must be an object`)
  return value
}

/** Absent and null are empty lists. */
export function listAt(value: unknown, at: string, most: number): unknown[] {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value)) throw invalid(at, `${at} must be an array`)
  if (value.length > most) throw invalid(at, `${at} must have at most ${most} entries`)
  return value
}

/** As JSON has it: bytes become base64. */
export function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return base64Of(value)
  if (Array.isArray(value)) return value.map(plain)
  if (!isFields(value)) return value
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, plain(one)]))
}

/** What a model reads: text as it is, everything else as JSON. */
export function textOfValue(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(plain(value ?? null))
}

export function base64Of(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}
