/**
 * The one store: SQLite or PostgreSQL behind Kysely, migrations, group commit and the outbox. Knows rows, not rules:
 * ids and times are made above it, and who may read what is decided above it.
 */
export type { Database, OutboxEvent, StatementResult, Transaction } from './database.ts'
export { type DatabaseOptions, openDatabase } from './open-database.ts'
export type { Schema } from './schema.ts'
export { type Statement, statement, type Value } from './statement.ts'
export type { ApiKeysTable, UsersTable, WorkspacesTable } from './tables/accounts.ts'
export type { GuardrailsTable, GuardrailViolationsTable } from './tables/guardrails.ts'
export type { HistoryRowsTable } from './tables/history.ts'
export type { ErasuresTable } from './tables/retention.ts'
export type { TurnStatus } from './tables/turns.ts'
export type { UsageHourlyTable } from './tables/usage.ts'
export type { WebhookDeliveriesTable, WebhooksTable } from './tables/webhooks.ts'
export { isUniqueViolation } from './violations.ts'
