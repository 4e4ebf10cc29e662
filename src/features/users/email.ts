import { invalid } from '#errors/index.ts'
import { emailOf } from '#lib/email.ts'

/** The form in which an address is kept and compared. Throws `invalid-request` naming `field` for what is none. */
export function normaliseEmail(field: string, text: string): string {
  const email = emailOf(text)
  if (email === undefined) throw invalid(field, `'${field}' must be an email address`)
  return email
}
