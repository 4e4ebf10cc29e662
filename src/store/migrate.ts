import { type Kysely, sql } from 'kysely'
import { AppError } from '#errors/index.ts'
import type { Dialect } from './dialect.ts'
import { migrations } from './migrations/index.ts'
import type { Schema } from './schema.ts'

/**
 * Brings the database to this program's version, all or nothing, and returns that version. Safe to call from several
 * processes at once. Throws `conflict` for a database that a newer Parley wrote: running on it could lose what the
 * newer one keeps there.
 */
export async function migrate(db: Kysely<Schema>, dialect: Dialect, now: number, list = migrations): Promise<number> {
  await sql`create table if not exists schema_migrations (version integer primary key, name text not null, applied_at bigint not null)`.execute(
    db,
  )
  return db.transaction().execute(async (tx) => {
    // SQLite takes its write lock with the first write; PostgreSQL needs to be told that migrating is exclusive.
    if (dialect === 'postgres') await sql`lock table schema_migrations in access exclusive mode`.execute(tx)
    else await sql`delete from schema_migrations where version < 0`.execute(tx)
    const done = await tx.selectFrom('schema_migrations').select('version').execute()
    const current = Math.max(0, ...done.map((row) => Number(row.version)))
    if (current > list.length)
      throw new AppError(
        'conflict',
        `The database has schema version ${current}, but this Parley knows only up to ${list.length}: it was written by a newer version. Start that version, or restore a backup.`,
      )
    for (let version = current + 1; version <= list.length; version++) {
      const migration = list[version - 1]!
      await migration.up(tx as unknown as Kysely<unknown>, dialect)
      await tx.insertInto('schema_migrations').values({ version, name: migration.name, applied_at: now }).execute()
    }
    return list.length
  })
}
