import type { Generated } from 'kysely'

export interface NotificationTables {
  notifications: NotificationsTable
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
