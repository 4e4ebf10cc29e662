import { invalid } from '#errors/index.ts'

/** Whether a plain-text column of both databases keeps it unchanged: PostgreSQL refuses NUL, UTF-8 has no lone surrogates. */
export function isStorable(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed()
}

/**
 * A name, title or the like: trimmed, storable, of at most `most` characters and, unless `least` is 0, not empty. Throws
 * `invalid-request` naming `field`.
 */
export function plainText(field: string, value: string, most: number, least = 1): string {
  if (!isStorable(value)) throw invalid(field, `'${field}' must not contain NUL or broken characters`)
  const text = value.trim()
  if (text.length < least) throw invalid(field, `'${field}' field is required and must not be empty`)
  if (text.length > most) throw invalid(field, `'${field}' must have at most ${most} characters`)
  return text
}
