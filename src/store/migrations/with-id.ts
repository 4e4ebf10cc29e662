import type { Kysely } from 'kysely'
import type { Dialect } from '../dialect.ts'

/** The type of keys and of unix ms. */
export function keyType(dialect: Dialect): 'integer' | 'bigint' {
  return dialect === 'sqlite' ? 'integer' : 'bigint'
}

/** Begins tables whose rows have a sequential key `id` that is never given twice. */
export function withId(db: Kysely<unknown>, dialect: Dialect) {
  return (name: string) =>
    db.schema
      .createTable(name)
      .addColumn('id', keyType(dialect), (c) =>
        dialect === 'sqlite' ? c.primaryKey().autoIncrement() : c.primaryKey().generatedByDefaultAsIdentity(),
      )
}
