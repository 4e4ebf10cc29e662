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
  return db.transaction().execute(async (tx) => {
    // Before anything else: two processes that create one table at the same moment trip over each other.
    if (dialect === 'postgres') await sql`select pg_advisory_xact_lock(${sql.lit(migrationLock)})`.execute(tx)
    await sql`create table if not exists schema_migrations (version integer primary key, name text not null, applied_at bigint not null)`.execute(
      tx,
    )
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

/** Any number, as long as it is always the same. */
const migrationLock = 7_212_753_900
