import { type Kysely, sql } from 'kysely'
import type { Dialect } from '../dialect.ts'

/** What was said, in order and searchable, what was cleared of it, and what people thought of it. */
export async function history(db: Kysely<unknown>, dialect: Dialect): Promise<void> {
  const key = dialect === 'sqlite' ? 'integer' : 'bigint'
  const bytes = dialect === 'sqlite' ? sql`blob` : sql`bytea`

  const conversations = () => db.schema.alterTable('conversations')
  await conversations().addColumn('object_id', 'text').execute()
  await conversations().addColumn('external_user_id', 'text').execute()
  await conversations()
    .addColumn('visitor', 'integer', (c) => c.notNull().defaultTo(0))
    .execute()
  await db.schema
    .createIndex('conversations_subject')
    .on('conversations')
    .columns(['user_id', 'app_id', 'object_id', 'external_user_id', 'id'])
    .execute()
  await db.schema
    .alterTable('turns')
    .addColumn('visitor', 'integer', (c) => c.notNull().defaultTo(0))
    .execute()

  await db.schema
    .createTable('conversation_clears')
    .addColumn('user_id', key, (c) => c.notNull())
    .addColumn('app_id', key, (c) => c.notNull())
    .addColumn('object_id', 'text', (c) => c.notNull())
    .addColumn('external_user_id', 'text', (c) => c.notNull())
    .addColumn('through', key, (c) => c.notNull())
    .addColumn('cleared_at', key, (c) => c.notNull())
    .addPrimaryKeyConstraint('conversation_clears_pk', ['user_id', 'app_id', 'object_id', 'external_user_id'])
    .execute()

  await db.schema
    .createTable('history_rows')
    .addColumn('turn_id', key, (c) => c.primaryKey())
    .addColumn('place', key, (c) => c.notNull())
    .addColumn('n', key, (c) => c.notNull())
    .addColumn('user_id', key, (c) => c.notNull())
    .addColumn('conversation_id', key)
    .addColumn('object_id', 'text')
    .addColumn('external_user_id', 'text')
    .addColumn('tool_event', 'integer', (c) => c.notNull())
    .addColumn('visitor', 'integer', (c) => c.notNull())
    .execute()
  await db.schema.createIndex('history_rows_place').on('history_rows').columns(['place', 'n']).unique().execute()
  await sql`create index history_rows_user on history_rows (place, user_id, n) where visitor = 0`.execute(db)
  await sql`create index history_rows_object on history_rows (place, object_id, n) where object_id is not null`.execute(
    db,
  )
  await sql`create index history_rows_external on history_rows (place, external_user_id, n) where external_user_id is not null`.execute(
    db,
  )
  await db.schema
    .createTable('history_texts')
    .addColumn('turn_id', key, (c) => c.primaryKey())
    .addColumn('text', 'text', (c) => c.notNull())
    .execute()
  await db.schema
    .createTable('history_places')
    .addColumn('place', key, (c) => c.primaryKey())
    .addColumn('last_n', key, (c) => c.notNull())
    .addColumn('sealed', key, (c) => c.notNull())
    .execute()
  await db.schema
    .createTable('history_counts')
    .addColumn('place', key, (c) => c.notNull())
    .addColumn('user_id', key, (c) => c.notNull())
    .addColumn('bucket', key, (c) => c.notNull())
    .addColumn('rows', key, (c) => c.notNull())
    .addColumn('tool_events', key, (c) => c.notNull())
    .addPrimaryKeyConstraint('history_counts_pk', ['place', 'user_id', 'bucket'])
    .execute()
  await db.schema
    .createTable('history_slots')
    .addColumn('place', key, (c) => c.notNull())
    .addColumn('segment', key, (c) => c.notNull())
    .addColumn('slot', 'integer', (c) => c.notNull())
    .addColumn('rows', bytes, (c) => c.notNull())
    .addPrimaryKeyConstraint('history_slots_pk', ['place', 'segment', 'slot'])
    // Its key is most of a row: kept in the table itself it is not kept twice.
    .$call((table) => (dialect === 'sqlite' ? table.modifyEnd(sql`without rowid`) : table))
    .execute()

  await db.schema
    .createTable('feedback')
    .addColumn('id', key, (c) =>
      dialect === 'sqlite' ? c.primaryKey().autoIncrement() : c.primaryKey().generatedByDefaultAsIdentity(),
    )
    .addColumn('public_id', 'text', (c) => c.notNull().unique())
    .addColumn('workspace_id', key, (c) => c.notNull())
    .addColumn('user_id', key, (c) => c.notNull())
    .addColumn('app_id', key)
    .addColumn('turn_id', key)
    .addColumn('model', 'text')
    .addColumn('is_positive', 'integer')
    .addColumn('reason', 'text')
    .addColumn('details', 'text')
    .addColumn('query', 'text')
    .addColumn('given', 'text', (c) => c.notNull())
    .addColumn('created_at', key, (c) => c.notNull())
    .addColumn('updated_at', key, (c) => c.notNull())
    .execute()
  await db.schema.createIndex('feedback_workspace').on('feedback').columns(['workspace_id', 'id']).execute()
  await sql`create unique index feedback_turn on feedback (turn_id, user_id) where turn_id is not null`.execute(db)

  await tellOfEarlierTurns(db, dialect)
}

/**
 * Turns that ended before get their rows from the subscriber like all others: told here in the order of their ends, a few
 * at a time, and due before whatever is told from now on.
 */
async function tellOfEarlierTurns(db: Kysely<unknown>, dialect: Dialect): Promise<void> {
  const event = sql`'{"type":"chat-settled","turn":' || id || '}'`
  const together = sql`${sql.raw(dialect === 'sqlite' ? 'group_concat' : 'string_agg')}(${event}, ',' order by place)`
  await sql`
    insert into jobs (kind, payload, run_at, attempts, dead, created_at)
    select 'subscriber:history', '[' || ${together} || ']', place / 10, 0, 0, place / 10 from (
      select id, row_number() over (order by ended_at, id) - 1 as place from turns
      where status <> 'running' and (app_id is not null or conversation_id is not null)
    ) earlier group by place / 10`.execute(db)
}
