import type { Generated } from 'kysely'

/**
 * The tables as Kysely sees them, the same on SQLite and PostgreSQL. Integers are JS-safe; times are unix ms; flags are
 * 0 or 1; JSON stands in text columns, so that any string a client may send survives in both databases.
 */
export interface Schema {
  users: UsersTable
  workspaces: WorkspacesTable
  memberships: MembershipsTable
  api_keys: ApiKeysTable
  sessions: SessionsTable
  apps: AppsTable
  conversations: ConversationsTable
  turns: TurnsTable
  turn_inputs: TurnInputsTable
  turn_outputs: TurnOutputsTable
  turn_checkpoints: TurnCheckpointsTable
  idempotency_keys: IdempotencyKeysTable
  upstreams: UpstreamsTable
  processes: ProcessesTable
  jobs: JobsTable
  usage_hourly: UsageHourlyTable
  notifications: NotificationsTable
  plugin_executions: PluginExecutionsTable
  plugin_execution_events: PluginExecutionEventsTable
  guardrails: GuardrailsTable
  guardrail_violations: GuardrailViolationsTable
  conversation_clears: ConversationClearsTable
  history_rows: HistoryRowsTable
  history_texts: HistoryTextsTable
  history_places: HistoryPlacesTable
  history_counts: HistoryCountsTable
  history_slots: HistorySlotsTable
  feedback: FeedbackTable
  identities: IdentitiesTable
  legal_holds: LegalHoldsTable
  retention_progress: RetentionProgressTable
  erasures: ErasuresTable
  webhooks: WebhooksTable
  webhook_deliveries: WebhookDeliveriesTable
  schema_migrations: { version: number; name: string; applied_at: number }
}

export interface UsersTable {
  id: Generated<number>
  public_id: string
  /** Lower case. */
  email: string
  name: string
  /** Empty: no password opens this account; an outside identity provider does. */
  password_hash: string
  /** 1: administers this server (upstreams, statistics), whatever the workspaces say. */
  is_admin: number
  disabled: number
  /** Tokens issued before this moment are void (password change, logout everywhere). */
  tokens_valid_after: number
  created_at: number
  updated_at: number
  /** Set: the account was made anonymous and is only a number that usage belongs to. */
  erased_at: number | null
}

export interface WorkspacesTable {
  id: Generated<number>
  public_id: string
  name: string
  /** What the workspace may spend in all, in millionths of a US dollar; null: no limit. */
  budget_micros: number | null
  spent_micros: number
  reserved_micros: number
  created_at: number
  /** What clients and identity providers call it: unique, lower case. */
  code: string
  /** After so many days text is removed; null: never. */
  retention_days: number | null
}

export interface MembershipsTable {
  workspace_id: number
  user_id: number
  role: 'owner' | 'admin' | 'member'
  created_at: number
}

export interface ApiKeysTable {
  id: Generated<number>
  public_id: string
  workspace_id: number
  user_id: number
  name: string
  description: string
  /** SHA-256 of the key, hex. */
  key_hash: string
  /** First characters, to recognise it by. */
  hint: string
  scopes: string
  rate_limit: number
  expires_at: number | null
  revoked_at: number | null
  usage_count: number
  last_used_at: number | null
  created_at: number
}

export interface SessionsTable {
  id: Generated<number>
  public_id: string
  user_id: number
  /** SHA-256 of the current refresh token, hex. */
  token_hash: string
  /** SHA-256 of the one before it: seeing it again means it was stolen. */
  previous_hash: string | null
  expires_at: number
  revoked_at: number | null
  created_at: number
}

export interface AppsTable {
  id: Generated<number>
  public_id: string
  workspace_id: number
  slug: string
  name: string
  description: string
  type: 'chat' | 'workflow' | 'channel'
  access_token: string
  enabled: number
  /** JSON of features/apps AppConfig. */
  config: string
  created_by: number
  created_at: number
  updated_at: number
}

export interface ConversationsTable {
  id: Generated<number>
  public_id: string
  workspace_id: number
  user_id: number
  app_id: number | null
  /** The caller's own name for it (X-Session-Id), unique per workspace, user and app. */
  external_id: string | null
  title: string
  status: 'active' | 'completed' | 'archived'
  /** JSON of contracts ConversationSettings. */
  settings: string
  /** The caller's business object that it is about, and the caller's user whom it is held with. */
  object_id: string | null
  external_user_id: string | null
  /** 1: begun by somebody who came with the app's access token. */
  visitor: Generated<number>
  created_at: number
  updated_at: number
}

export type TurnStatus = 'running' | 'completed' | 'failed' | 'cancelled' | 'interrupted' | 'paused'

/** One row a turn, and its usage record at the same time: narrow, written twice. */
export interface TurnsTable {
  id: Generated<number>
  public_id: string
  workspace_id: number
  user_id: number
  app_id: number | null
  conversation_id: number | null
  key_id: number | null
  door: string
  status: TurnStatus
  model: string
  upstream: string
  process_id: string
  reserved_micros: number
  input_tokens: number
  output_tokens: number
  cached_input_tokens: number
  reasoning_tokens: number
  estimated: number
  cost_micros: number
  finish_reason: string | null
  error: string | null
  metadata: string | null
  /** 1: asked by somebody who came with the app's access token. */
  visitor: Generated<number>
  created_at: number
  ended_at: number | null
}

/** What the turn was asked: its new messages, JSON of Message[]. */
export interface TurnInputsTable {
  turn_id: number
  messages: string
}

/** What it answered: JSON of Part[], and the order it happened in (turns/stored-log.ts). `log` may be pruned. */
export interface TurnOutputsTable {
  turn_id: number
  parts: string
  log: string | null
}

/** The log of a running turn up to its last checkpoint: JSON of Envelope[], in order of `seq` (the last one in the row). */
export interface TurnCheckpointsTable {
  turn_id: number
  seq: number
  events: string
}

export interface IdempotencyKeysTable {
  workspace_id: number
  user_id: number
  key: string
  request_hash: string
  turn_id: number
  created_at: number
}

export interface UpstreamsTable {
  id: Generated<number>
  public_id: string
  name: string
  kind: string
  endpoint: string
  /** Sealed (lib/seal.ts); null: none. */
  secret: string | null
  /** JSON: model names offered outside. */
  models: string
  /** JSON: outside name → the upstream's own name. */
  model_map: string
  /** JSON: outside name → { input, output, cachedInput } in micros per million tokens. */
  prices: string
  weight: number
  priority: number
  enabled: number
  source: 'environment' | 'admin'
  created_at: number
  updated_at: number
}

export interface ProcessesTable {
  id: string
  lease_until: number
}

export interface JobsTable {
  id: Generated<number>
  kind: string
  payload: string
  run_at: number
  attempts: number
  /** 1: given up after too many attempts. */
  dead: number
  error: string | null
  created_at: number
}

export interface UsageHourlyTable {
  workspace_id: number
  user_id: number
  /** 0: no app. */
  app_id: number
  model: string
  upstream: string
  /** Unix ms of the hour's start. */
  hour: number
  turns: number
  failed: number
  input_tokens: number
  output_tokens: number
  cached_input_tokens: number
  reasoning_tokens: number
  cost_micros: number
}

/** What somebody is told. On PostgreSQL, too, ids are given in the order of commits: a cursor misses none. */
export interface NotificationsTable {
  id: Generated<number>
  public_id: string
  user_id: number
  /** Null: of the server itself. */
  workspace_id: number | null
  kind: string
  /** What it tells of; one notification a user and source. */
  source: string
  title: string
  body: string
  action_url: string | null
  /** JSON: an object. */
  data: string
  created_at: number
  read_at: number | null
  /** Set: it is not sent to a socket again. */
  acknowledged_at: number | null
}

/** A run of a plugin's tool. Who knows `public_id` may watch it. */
export interface PluginExecutionsTable {
  id: Generated<number>
  public_id: string
  workspace_id: number
  user_id: number
  plugin_id: string
  tool_name: string
  status: 'running' | 'completed' | 'failed'
  /** JSON. */
  result: string | null
  error: string | null
  /** How many frames are kept, and what they weigh. */
  events: number
  bytes: number
  /** Frames that came when there was no room left. */
  dropped: number
  created_at: number
  ended_at: number | null
  expires_at: number
}

export interface PluginExecutionEventsTable {
  execution_id: number
  /** 1, 2, 3, … without gaps. */
  seq: number
  type: string
  /** JSON: an object. */
  data: string
  at: number
}

export interface GuardrailsTable {
  id: Generated<number>
  public_id: string
  workspace_id: number
  /** Null: of the workspace itself. */
  app_id: number | null
  name: string
  direction: 'input' | 'output' | 'both'
  action: 'block' | 'mask' | 'flag'
  enabled: number
  /** JSON of contracts GuardrailCheck. */
  config: string
  created_by: number
  created_at: number
  updated_at: number
}

/** What a rule found in a turn, without what it found. */
export interface GuardrailViolationsTable {
  id: Generated<number>
  public_id: string
  workspace_id: number
  app_id: number | null
  user_id: number
  /** Public id, as that of the rule. */
  turn_id: string
  rule_id: string
  rule_name: string
  kind: string
  action: 'block' | 'mask' | 'flag'
  direction: 'input' | 'output'
  place: string
  count: number
  /** 1: it could not be asked. */
  outage: number
  excerpt: string
  created_at: number
}

/** Who somebody is at an outside identity provider. */
export interface IdentitiesTable {
  id: Generated<number>
  user_id: number
  issuer: string
  subject: string
  created_at: number
}

/** What it covers is not removed while `lifted_at` is null. No app and no conversation: the whole workspace. */
export interface LegalHoldsTable {
  id: Generated<number>
  public_id: string
  workspace_id: number
  app_id: number | null
  conversation_id: number | null
  reason: string
  created_by: number
  created_at: number
  lifted_by: number | null
  lifted_at: number | null
}

/** How far a workspace's old text is removed: rows of that store up to the key `up_to` are done. */
export interface RetentionProgressTable {
  workspace_id: number
  store: string
  up_to: number
}

/** A request to remove what somebody said before `created_at`, and how far it came. */
export interface ErasuresTable {
  id: Generated<number>
  public_id: string
  user_id: number
  /** Null: everywhere. */
  workspace_id: number | null
  requested_by: number
  anonymised: number
  status: 'running' | 'completed'
  /** The store that is being gone through, and the key of its row that was seen last; null: the first, from its beginning. */
  store: string | null
  after: number
  /** JSON: store → how many. */
  removed: string
  kept: string
  /** Key of the newest turn there was when it was completed: an older one may still have been written after it. */
  seen_turn: number
  created_at: number
  ended_at: number | null
}

/** What a user said to an app before turn key `through` is over, also for the model. Empty ids: about anything, for anybody. */
export interface ConversationClearsTable {
  user_id: number
  app_id: number
  object_id: string
  external_user_id: string
  through: number
  cleared_at: number
}

/** An ended turn in the history of its place: its app's id, or minus its workspace's where a conversation has no app. */
export interface HistoryRowsTable {
  turn_id: number
  place: number
  /** From 1 in the order of ends. What was removed leaves a gap. */
  n: number
  user_id: number
  conversation_id: number | null
  object_id: string | null
  external_user_id: string | null
  /** 1: said to switch tools or the model. */
  tool_event: number
  visitor: number
}

/** What can be searched of a turn: question and answer, folded, with U+0001 between them. */
export interface HistoryTextsTable {
  turn_id: number
  text: string
}

export interface HistoryPlacesTable {
  place: number
  last_n: number
  /** Segments that are ready to be searched. */
  sealed: number
}

/** How many rows each 1,024 numbers hold. `user_id` 0: of everybody; else of this user, without visitors. */
export interface HistoryCountsTable {
  place: number
  user_id: number
  bucket: number
  rows: number
  tool_events: number
}

/** Which rows of a segment have a letter sequence of this slot (features/history/postings.ts). */
export interface HistorySlotsTable {
  place: number
  segment: number
  slot: number
  rows: Uint8Array
}

/** What somebody thinks of a turn, or of the product: then without a turn. */
export interface FeedbackTable {
  id: Generated<number>
  public_id: string
  workspace_id: number
  user_id: number
  app_id: number | null
  turn_id: number | null
  model: string | null
  is_positive: number | null
  reason: string | null
  details: string | null
  query: string | null
  /** JSON: what else was given with it. */
  given: string
  created_at: number
  updated_at: number
}

/** An address of a workspace's that events are posted to. */
export interface WebhooksTable {
  id: Generated<number>
  public_id: string
  workspace_id: number
  url: string
  /** JSON: names of events. */
  events: string
  /** 1: an event of the server is among them. */
  server_wide: number
  description: string
  /** Sealed (lib/seal.ts), as the one before it, which signs too until `old_secret_until`. */
  secret: string
  old_secret: string | null
  old_secret_until: number | null
  enabled: number
  /** Set: the server has disabled it. */
  disabled_reason: 'gone' | 'failing' | null
  /** Deliveries that failed for good since one was delivered. */
  failures: number
  /** Since when no attempt was successful; null: the last one was. */
  failing_since: number | null
  created_by: number
  created_at: number
  updated_at: number
}

/** One event for one webhook. */
export interface WebhookDeliveriesTable {
  id: Generated<number>
  public_id: string
  webhook_id: number
  /** Names what it tells of; one delivery a webhook and source. */
  source: string
  event: string
  /** JSON, the body as it is sent; empty: removed. */
  payload: string
  /** Whose name and address are in the payload. */
  user_id: number | null
  status: 'pending' | 'delivered' | 'failed'
  attempts: number
  /** Of a pending one: when it is to be sent. While it is being sent: when that counts as lost. */
  due_at: number
  /** Of the last attempt. */
  response_status: number | null
  latency_ms: number | null
  error: string | null
  created_at: number
  ended_at: number | null
}
