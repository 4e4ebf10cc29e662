import type { Scope } from '#contracts/index.ts'
import { invalid } from '#errors/index.ts'

export const allScopes: ReadonlySet<Scope> = new Set<Scope>(['read', 'write', 'admin'])

/** Scopes as a request writes them → a set without repeats; `*` is all three. Throws `invalid-request`. */
export function readScopes(field: string, scopes: readonly string[]): Set<Scope> {
  const found = new Set<Scope>()
  for (const scope of scopes) {
    if (scope === '*') for (const each of allScopes) found.add(each)
    else if (allScopes.has(scope as Scope)) found.add(scope as Scope)
    else throw invalid(field, `'${field}' may contain read, write, admin and *`)
  }
  if (found.size === 0) throw invalid(field, `'${field}' must name at least one scope`)
  return found
}

/** As it stands in the column. */
export function storeScopes(scopes: ReadonlySet<Scope>): string {
  return [...allScopes].filter((scope) => scopes.has(scope)).join(' ')
}

/** The column's text as a set; what is not a scope gives nothing. */
export function restoreScopes(stored: string): ReadonlySet<Scope> {
  return new Set(stored.split(' ').filter((scope): scope is Scope => allScopes.has(scope as Scope)))
}

export function isWithin(scopes: ReadonlySet<Scope>, limit: ReadonlySet<Scope>): boolean {
  return scopes.isSubsetOf(limit)
}
