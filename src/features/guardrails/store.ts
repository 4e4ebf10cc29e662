import { sql } from 'kysely'
import type { GuardrailCheck } from '#contracts/index.ts'
import type { Database, GuardrailsTable, Transaction } from '#store/index.ts'
import type { GuardrailRule, RuleScope } from './rule.ts'

export interface NewRule {
  publicId: string
  scope: RuleScope
  name: string
  where: GuardrailRule['where']
  action: GuardrailRule['action']
  enabled: boolean
  check: GuardrailCheck
  createdBy: number
  now: number
}

export async function insertRule(tx: Transaction, rule: NewRule): Promise<void> {
  await tx.db
    .insertInto('guardrails')
    .values({
      public_id: rule.publicId,
      workspace_id: rule.scope.workspaceId,
      app_id: rule.scope.app?.id ?? null,
      name: rule.name,
      direction: rule.where,
      action: rule.action,
      enabled: rule.enabled ? 1 : 0,
      config: JSON.stringify(rule.check),
      created_by: rule.createdBy,
      created_at: rule.now,
      updated_at: rule.now,
    })
    .execute()
}

function rulesOf(database: Database, { workspaceId, app }: RuleScope) {
  const query = database.read.selectFrom('guardrails').selectAll().where('workspace_id', '=', workspaceId)
  return app ? query.where('app_id', '=', app.id) : query.where('app_id', 'is', null)
}

/** The oldest first. */
export async function listRuleRows(database: Database, scope: RuleScope): Promise<GuardrailRule[]> {
  const rows = await rulesOf(database, scope).orderBy('id').execute()
  return rows.map((row) => toRule(row, scope.app?.publicId))
}

export async function findRuleRow(
  database: Database,
  scope: RuleScope,
  publicId: string,
): Promise<GuardrailRule | undefined> {
  const row = await rulesOf(database, scope).where('public_id', '=', publicId).executeTakeFirst()
  return row && toRule(row, scope.app?.publicId)
}

/** How many rules there are, and how long their configs are together. */
export async function weighRules(
  tx: Transaction,
  { workspaceId, app }: RuleScope,
): Promise<{ rules: number; characters: number }> {
  const query = tx.db
    .selectFrom('guardrails')
    .select((eb) => eb.fn.countAll<number>().as('rules'))
    .select(sql<number>`coalesce(sum(length(config)), 0)`.as('characters'))
    .where('workspace_id', '=', workspaceId)
  const own = app ? query.where('app_id', '=', app.id) : query.where('app_id', 'is', null)
  const { rules, characters } = await own.executeTakeFirstOrThrow()
  return { rules: Number(rules), characters: Number(characters) }
}

/** Writes the row if it is still as it was read; false when somebody else wrote it meanwhile. */
export async function updateRuleRow(
  tx: Transaction,
  before: GuardrailRule,
  values: Pick<GuardrailsTable, 'name' | 'direction' | 'action' | 'enabled' | 'config' | 'updated_at'>,
): Promise<boolean> {
  const result = await tx.db
    .updateTable('guardrails')
    .set(values)
    .where('id', '=', before.id)
    .where('updated_at', '=', before.updatedAt)
    .executeTakeFirst()
  return Number(result.numUpdatedRows) === 1
}

export async function deleteRuleRow(tx: Transaction, id: number): Promise<void> {
  await tx.db.deleteFrom('guardrails').where('id', '=', id).execute()
}

/** A rule in force, and the app that it belongs to; null: the workspace. */
export interface ActiveRow {
  rule: GuardrailRule
  appId: number | null
}

/** The enabled rules of a workspace and its apps: the workspace's first, then by age. */
export async function listActiveRows(database: Database, workspaceId: number): Promise<ActiveRow[]> {
  const rows = await database.read
    .selectFrom('guardrails')
    .selectAll()
    .where('workspace_id', '=', workspaceId)
    .where('enabled', '=', 1)
    .orderBy('id')
    .execute()
  const active = rows.map((row): ActiveRow => ({ rule: toRule(row, undefined), appId: row.app_id }))
  return [...active.filter(({ appId }) => appId === null), ...active.filter(({ appId }) => appId !== null)]
}

/** Changes whenever the enabled rules of a workspace do. */
export async function activeStamp(database: Database, workspaceId: number): Promise<string> {
  const rows = await database.read
    .selectFrom('guardrails')
    .select(['id', 'updated_at'])
    .where('workspace_id', '=', workspaceId)
    .where('enabled', '=', 1)
    .orderBy('id')
    .execute()
  return rows.map(({ id, updated_at }) => `${id}:${updated_at}`).join()
}

type RuleRow = Awaited<ReturnType<ReturnType<typeof rulesOf>['executeTakeFirstOrThrow']>>

function toRule(row: RuleRow, appId: string | undefined): GuardrailRule {
  return {
    id: row.id,
    publicId: row.public_id,
    name: row.name,
    where: row.direction,
    action: row.action,
    check: JSON.parse(row.config) as GuardrailCheck,
    enabled: row.enabled === 1,
    ...(appId !== undefined && { appId }),
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }
}
