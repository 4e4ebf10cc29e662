import type { Kysely } from 'kysely'
import type { Dialect } from './dialect.ts'
import type { Schema } from './schema.ts'

export type Value = string | number | null

/** A query whose SQL was made once. `names` gives the order in which values are bound. */
export interface Statement<V extends object> {
  readonly name: string
  compiled(db: Kysely<Schema>, dialect: Dialect): { sql: string; names: (keyof V & string)[] }
}

class Bound {
  readonly name: string
  constructor(name: string) {
    this.name = name
  }
}

/**
 * Declares a query of the hot path. Kysely builds it (checked against the schema) once per dialect; running it then
 * costs binding values only. `p('x')` stands where the value `x` will be bound.
 */
export function statement<V extends object>(
  name: string,
  build: (
    db: Kysely<Schema>,
    // biome-ignore lint/suspicious/noExplicitAny: a bound value takes the type of its column
    p: (name: keyof V & string) => any,
    dialect: Dialect,
  ) => { compile(): { sql: string; parameters: readonly unknown[] } },
): Statement<V> {
  const cache = new Map<Dialect, { sql: string; names: (keyof V & string)[] }>()
  return {
    name,
    compiled(db, dialect) {
      let found = cache.get(dialect)
      if (!found) {
        const { sql, parameters } = build(db, (name) => new Bound(name), dialect).compile()
        const names = parameters.map((parameter) => {
          if (parameter instanceof Bound) return parameter.name as keyof V & string
          throw new Error(`statement ${name}: literal values must be bound by name`)
        })
        found = { sql, names }
        cache.set(dialect, found)
      }
      return found
    },
  }
}
