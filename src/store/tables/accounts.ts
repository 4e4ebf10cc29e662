import type { Generated } from 'kysely'

/** Who there is, in which workspaces, and what they prove it with. */
export interface AccountTables {
  users: UsersTable
  workspaces: WorkspacesTable
  memberships: MembershipsTable
  api_keys: ApiKeysTable
  sessions: SessionsTable
  identities: IdentitiesTable
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

/** Who somebody is at an outside identity provider. */
export interface IdentitiesTable {
  id: Generated<number>
  user_id: number
  issuer: string
  subject: string
  created_at: number
}
