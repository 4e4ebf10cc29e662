import type { Kysely } from 'kysely'
import type { Dialect } from '../dialect.ts'
import { keyType, withId } from './with-id.ts'

/** Notifications, and runs of plugins that somebody may watch. */
export async function realtime(db: Kysely<unknown>, dialect: Dialect): Promise<void> {
  const key = keyType(dialect)
  const table = withId(db, dialect)

  await table('notifications')
    .addColumn('public_id', 'text', (c) => c.notNull().unique())
    .addColumn('user_id', key, (c) => c.notNull().references('users.id').onDelete('cascade'))
    .addColumn('workspace_id', key, (c) => c.references('workspaces.id').onDelete('cascade'))
    .addColumn('kind', 'text', (c) => c.notNull())
    .addColumn('source', 'text', (c) => c.notNull())
    .addColumn('title', 'text', (c) => c.notNull())
    .addColumn('body', 'text', (c) => c.notNull())
    .addColumn('action_url', 'text')
    .addColumn('data', 'text', (c) => c.notNull())
    .addColumn('created_at', key, (c) => c.notNull())
    .addColumn('read_at', key)
    .addColumn('acknowledged_at', key)
    .addUniqueConstraint('notifications_source', ['user_id', 'source'])
    .execute()
  await db.schema.createIndex('notifications_user').on('notifications').columns(['user_id', 'id']).execute()
  await db.schema.createIndex('notifications_age').on('notifications').column('created_at').execute()

  await table('plugin_executions')
    .addColumn('public_id', 'text', (c) => c.notNull().unique())
    .addColumn('workspace_id', key, (c) => c.notNull().references('workspaces.id').onDelete('cascade'))
    .addColumn('user_id', key, (c) => c.notNull().references('users.id').onDelete('cascade'))
    .addColumn('plugin_id', 'text', (c) => c.notNull())
    .addColumn('tool_name', 'text', (c) => c.notNull())
    .addColumn('status', 'text', (c) => c.notNull())
    .addColumn('result', 'text')
    .addColumn('error', 'text')
    .addColumn('events', 'integer', (c) => c.notNull())
    .addColumn('bytes', 'integer', (c) => c.notNull())
    .addColumn('dropped', 'integer', (c) => c.notNull())
    .addColumn('created_at', key, (c) => c.notNull())
    .addColumn('ended_at', key)
    .addColumn('expires_at', key, (c) => c.notNull())
    .execute()
  await db.schema
    .createIndex('plugin_executions_workspace')
    .on('plugin_executions')
    .columns(['workspace_id', 'id'])
    .execute()
  await db.schema.createIndex('plugin_executions_end').on('plugin_executions').column('expires_at').execute()

  await db.schema
    .createTable('plugin_execution_events')
    .addColumn('execution_id', key, (c) => c.notNull().references('plugin_executions.id').onDelete('cascade'))
    .addColumn('seq', 'integer', (c) => c.notNull())
    .addColumn('type', 'text', (c) => c.notNull())
    .addColumn('data', 'text', (c) => c.notNull())
    .addColumn('at', key, (c) => c.notNull())
    .addPrimaryKeyConstraint('plugin_execution_events_pk', ['execution_id', 'seq'])
    .execute()
}
