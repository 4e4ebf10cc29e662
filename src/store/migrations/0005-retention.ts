import { type Kysely, sql } from 'kysely'
import type { Dialect } from '../dialect.ts'
import { keyType, withId } from './with-id.ts'

/** Codes of workspaces, logins of outside identity providers, and how long what people said is kept. */
export async function retention(db: Kysely<unknown>, dialect: Dialect): Promise<void> {
  const key = keyType(dialect)
  const table = withId(db, dialect)

  await db.schema.alterTable('workspaces').addColumn('code', 'text').execute()
  await db.schema.alterTable('workspaces').addColumn('retention_days', 'integer').execute()
  await sql`update workspaces set code = replace(public_id, '-', '')`.execute(db)
  await db.schema.createIndex('workspaces_code').on('workspaces').column('code').unique().execute()
  await db.schema.alterTable('users').addColumn('erased_at', key).execute()

  await table('identities')
    .addColumn('user_id', key, (c) => c.notNull().references('users.id').onDelete('cascade'))
    .addColumn('issuer', 'text', (c) => c.notNull())
    .addColumn('subject', 'text', (c) => c.notNull())
    .addColumn('created_at', key, (c) => c.notNull())
    .addUniqueConstraint('identities_subject', ['issuer', 'subject'])
    .execute()
  await db.schema.createIndex('identities_user').on('identities').column('user_id').execute()

  await table('legal_holds')
    .addColumn('public_id', 'text', (c) => c.notNull().unique())
    .addColumn('workspace_id', key, (c) => c.notNull().references('workspaces.id').onDelete('cascade'))
    .addColumn('app_id', key)
    .addColumn('conversation_id', key)
    .addColumn('reason', 'text', (c) => c.notNull())
    .addColumn('created_by', key, (c) => c.notNull())
    .addColumn('created_at', key, (c) => c.notNull())
    .addColumn('lifted_by', key)
    .addColumn('lifted_at', key)
    .execute()
  await db.schema.createIndex('legal_holds_workspace').on('legal_holds').column('workspace_id').execute()

  await db.schema
    .createTable('retention_progress')
    .addColumn('workspace_id', key, (c) => c.notNull().references('workspaces.id').onDelete('cascade'))
    .addColumn('store', 'text', (c) => c.notNull())
    .addColumn('up_to', key, (c) => c.notNull())
    .addPrimaryKeyConstraint('retention_progress_pk', ['workspace_id', 'store'])
    .execute()

  await table('erasures')
    .addColumn('public_id', 'text', (c) => c.notNull().unique())
    .addColumn('user_id', key, (c) => c.notNull())
    .addColumn('workspace_id', key)
    .addColumn('requested_by', key, (c) => c.notNull())
    .addColumn('anonymised', 'integer', (c) => c.notNull())
    .addColumn('status', 'text', (c) => c.notNull())
    .addColumn('store', 'text')
    .addColumn('after', key, (c) => c.notNull())
    .addColumn('removed', 'text', (c) => c.notNull())
    .addColumn('kept', 'text', (c) => c.notNull())
    .addColumn('seen_turn', key, (c) => c.notNull())
    .addColumn('created_at', key, (c) => c.notNull())
    .addColumn('ended_at', key)
    .execute()
  await db.schema.createIndex('erasures_user').on('erasures').column('user_id').execute()
  await db.schema.createIndex('erasures_age').on('erasures').column('created_at').execute()
}
