import { invalid } from '#errors/index.ts'

/** `Date.parse` alone finds a date in almost any text. */
const isoDate = /^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})?)?$/i

/** A time in a query → unix ms; undefined when it was not given. Throws `invalid-request` naming `field`. */
export function isoTime(field: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const ms = isoDate.test(text) ? Date.parse(text) : Number.NaN
  if (Number.isNaN(ms)) throw invalid(field, `${field} must be an ISO 8601 date`, 'malformed')
  return ms
}
