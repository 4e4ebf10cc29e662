export type NotificationKind =
  | 'member_added'
  | 'role_changed'
  | 'workflow_completed'
  | 'workflow_failed'
  | 'budget_threshold'
  | 'upstream_down'
  | 'upstream_recovered'
  | 'guardrail_hit'
  | 'webhook_disabled'

export interface NewNotification {
  userId: number
  /** Null: it concerns the server, not a workspace. */
  workspaceId: number | null
  kind: NotificationKind
  /** Names what it tells of: a user is told once of each source, however often it is added. */
  source: string
  title: string
  body: string
  /** A path of this server, or null. */
  actionUrl: string | null
  data: Record<string, unknown>
}

export interface Notification {
  /** Rises with time; what was committed later is greater. Stays inside. */
  id: number
  publicId: string
  workspacePublicId: string | null
  kind: string
  title: string
  body: string
  actionUrl: string | null
  data: Record<string, unknown>
  createdAt: number
  readAt: number | null
  acknowledgedAt: number | null
}
