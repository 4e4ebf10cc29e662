import type { Principal } from '#contracts/index.ts'
import { AppError } from '#errors/index.ts'

/** An account is changed by the person who logged in, never by a key that was given away. */
export function requirePerson(principal: Principal): void {
  if (principal.method !== 'jwt' && principal.method !== 'session')
    throw new AppError('forbidden', 'Log in to change an account; a key cannot do it')
}

/** An app's access token acts for its creator without being him: whoever holds it must not learn who that is. */
export function requireAccount(principal: Principal): void {
  if (principal.app) throw new AppError('forbidden', "An app's access token opens that app only")
}
