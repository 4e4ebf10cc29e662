import { invalid } from '#errors/index.ts'
import { isStorable } from '#lib/text.ts'

const shape = /^[^\s@\p{Cc}]{1,64}@[^\s@\p{Cc}]{1,253}$/u

/** Trimmed, NFC, lower case: the form in which an address is kept and compared. A dot is not required: `owner@localhost`. */
export function normaliseEmail(field: string, text: string): string {
  const email = emailOf(text)
  if (email === undefined) throw invalid(field, `'${field}' must be an email address`)
  return email
}

/** The same; undefined for what is none. */
export function emailOf(text: string): string | undefined {
  const email = text.trim().normalize('NFC').toLowerCase()
  return email.length > 254 || !isStorable(email) || !shape.test(email) ? undefined : email
}
