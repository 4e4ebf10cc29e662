import { isStorable } from './text.ts'

const shape = /^[^\s@\p{Cc}]{1,64}@[^\s@\p{Cc}]{1,253}$/u

/**
 * An address as it is kept and compared: trimmed, NFC, lower case. Undefined for what is none. A dot is not required:
 * `owner@localhost`.
 */
export function emailOf(text: string): string | undefined {
  const email = text.trim().normalize('NFC').toLowerCase()
  return email.length > 254 || !isStorable(email) || !shape.test(email) ? undefined : email
}
