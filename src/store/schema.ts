import type { AccountTables } from './tables/accounts.ts'
import type { AppTables } from './tables/apps.ts'
import type { ConversationTables } from './tables/conversations.ts'
import type { ExecutionTables } from './tables/executions.ts'
import type { FeedbackTables } from './tables/feedback.ts'
import type { GuardrailTables } from './tables/guardrails.ts'
import type { HistoryTables } from './tables/history.ts'
import type { JobTables } from './tables/jobs.ts'
import type { NotificationTables } from './tables/notifications.ts'
import type { RetentionTables } from './tables/retention.ts'
import type { TurnTables } from './tables/turns.ts'
import type { UpstreamTables } from './tables/upstreams.ts'
import type { UsageTables } from './tables/usage.ts'
import type { WebhookTables } from './tables/webhooks.ts'

/**
 * The tables as Kysely sees them, the same on SQLite and PostgreSQL. Integers are JS-safe; times are unix ms; flags are
 * 0 or 1; JSON stands in text columns, so that any string a client may send survives in both databases.
 */
export interface Schema
  extends AccountTables,
    AppTables,
    ConversationTables,
    TurnTables,
    UpstreamTables,
    JobTables,
    UsageTables,
    NotificationTables,
    ExecutionTables,
    GuardrailTables,
    HistoryTables,
    FeedbackTables,
    RetentionTables,
    WebhookTables {
  schema_migrations: { version: number; name: string; applied_at: number }
}
