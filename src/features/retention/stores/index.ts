/** Where text is: one store for each group of tables. A table with a column of text that nobody speaks for fails a test. */
import type { History } from '#features/history/index.ts'
import type { TextStore } from '../text-store.ts'
import { apiKeyStore } from './api-keys.ts'
import { clearStore } from './clears.ts'
import { conversationStore } from './conversations.ts'
import { executionStore } from './executions.ts'
import { feedbackStore } from './feedback.ts'
import { idempotencyStore } from './idempotency-keys.ts'
import { notificationStore } from './notifications.ts'
import { turnStore } from './turns.ts'
import { violationStore } from './violations.ts'
import { webhookStore } from './webhooks.ts'
import { workspaceStore } from './workspaces.ts'

/** Conversations before turns, which take along what is left of theirs: so each is counted where it belongs. */
export function textStores(deps: { history: Pick<History, 'forget'> }): TextStore[] {
  return [
    conversationStore,
    turnStore(deps),
    clearStore,
    idempotencyStore,
    notificationStore,
    executionStore,
    feedbackStore,
    violationStore,
    webhookStore,
    apiKeyStore,
    workspaceStore,
  ]
}

/** Columns of text in which nothing is that a person said: ids, hashes, words of ours, and what an account goes with. */
export const otherColumns: Readonly<Record<string, readonly string[]>> = {
  // Name, address and logins go with the account (../anonymise.ts).
  users: ['public_id', 'email', 'name', 'password_hash'],
  identities: ['issuer', 'subject'],
  workspaces: ['public_id'],
  memberships: ['role'],
  api_keys: ['public_id', 'key_hash', 'hint', 'scopes'],
  sessions: ['public_id', 'token_hash', 'previous_hash'],
  apps: ['public_id', 'type', 'access_token'],
  conversations: ['public_id', 'status'],
  turns: ['public_id', 'door', 'status', 'model', 'upstream', 'process_id', 'finish_reason'],
  upstreams: ['public_id', 'name', 'kind', 'endpoint', 'secret', 'models', 'model_map', 'prices', 'source'],
  processes: ['id'],
  // What is told after a commit are ids and figures (../../../store/open-database.ts).
  jobs: ['kind', 'payload', 'error'],
  usage_hourly: ['model', 'upstream'],
  notifications: ['public_id', 'kind'],
  plugin_executions: ['public_id', 'status'],
  guardrails: ['public_id', 'direction', 'action'],
  // The rule's name is the workspace's own; the place is a word of ours.
  guardrail_violations: ['public_id', 'turn_id', 'rule_id', 'rule_name', 'kind', 'action', 'direction', 'place'],
  feedback: ['public_id', 'model'],
  legal_holds: ['public_id'],
  retention_progress: ['store'],
  erasures: ['public_id', 'status', 'store', 'removed', 'kept'],
  webhooks: ['public_id', 'events', 'secret', 'old_secret', 'disabled_reason'],
  webhook_deliveries: ['public_id', 'source', 'event', 'status', 'error'],
  schema_migrations: ['name'],
}
