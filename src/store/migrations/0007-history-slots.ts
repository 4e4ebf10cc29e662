import { type Kysely, sql } from 'kysely'
import type { Dialect } from '../dialect.ts'

/**
 * Which letters go to which slots was changed: segments made before would hide rows from searches. They are derived, so
 * they are dropped; until the sealer has made them again, rows are looked through one by one.
 */
export async function historySlots(db: Kysely<unknown>, dialect: Dialect): Promise<void> {
  await (dialect === 'sqlite' ? sql`delete from history_slots` : sql`truncate history_slots`).execute(db)
  await sql`update history_places set sealed = 0`.execute(db)
}
