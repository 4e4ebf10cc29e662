import type { Kysely } from 'kysely'
import type { Dialect } from '../dialect.ts'
import { keyType, withId } from './with-id.ts'

/** Rules about what may be said, and what was found by them. */
export async function guardrails(db: Kysely<unknown>, dialect: Dialect): Promise<void> {
  const key = keyType(dialect)
  const table = withId(db, dialect)

  await table('guardrails')
    .addColumn('public_id', 'text', (c) => c.notNull().unique())
    .addColumn('workspace_id', key, (c) => c.notNull().references('workspaces.id').onDelete('cascade'))
    .addColumn('app_id', key, (c) => c.references('apps.id').onDelete('cascade'))
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('direction', 'text', (c) => c.notNull())
    .addColumn('action', 'text', (c) => c.notNull())
    .addColumn('enabled', 'integer', (c) => c.notNull())
    .addColumn('config', 'text', (c) => c.notNull())
    .addColumn('created_by', key, (c) => c.notNull())
    .addColumn('created_at', key, (c) => c.notNull())
    .addColumn('updated_at', key, (c) => c.notNull())
    .execute()
  await db.schema.createIndex('guardrails_workspace').on('guardrails').columns(['workspace_id', 'app_id']).execute()
  await db.schema.createIndex('guardrails_app').on('guardrails').column('app_id').execute()

  // Written with turns, and like them without foreign keys; they outlive their rules and apps.
  await table('guardrail_violations')
    .addColumn('public_id', 'text', (c) => c.notNull().unique())
    .addColumn('workspace_id', key, (c) => c.notNull())
    .addColumn('app_id', key)
    .addColumn('user_id', key, (c) => c.notNull())
    .addColumn('turn_id', 'text', (c) => c.notNull())
    .addColumn('rule_id', 'text', (c) => c.notNull())
    .addColumn('rule_name', 'text', (c) => c.notNull())
    .addColumn('kind', 'text', (c) => c.notNull())
    .addColumn('action', 'text', (c) => c.notNull())
    .addColumn('direction', 'text', (c) => c.notNull())
    .addColumn('place', 'text', (c) => c.notNull())
    .addColumn('count', 'integer', (c) => c.notNull())
    .addColumn('outage', 'integer', (c) => c.notNull())
    .addColumn('excerpt', 'text', (c) => c.notNull())
    .addColumn('created_at', key, (c) => c.notNull())
    .execute()
  const violations = (name: string, ...columns: string[]) =>
    db.schema
      .createIndex(`guardrail_violations_${name}`)
      .on('guardrail_violations')
      .columns(['workspace_id', ...columns, 'id'])
      .execute()
  await violations('workspace')
  await violations('rule', 'rule_id')
  await violations('app', 'app_id')
}
