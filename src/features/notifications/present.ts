import type { Notification } from './notification.ts'
import type { NotificationRow } from './store.ts'

export function toNotification(row: NotificationRow): Notification {
  return {
    id: row.id,
    publicId: row.public_id,
    workspacePublicId: row.workspace_public_id,
    kind: row.kind,
    title: row.title,
    body: row.body,
    actionUrl: row.action_url,
    data: JSON.parse(row.data),
    createdAt: row.created_at,
    readAt: row.read_at,
    acknowledgedAt: row.acknowledged_at,
  }
}

export function presentNotification(notification: Notification) {
  return {
    id: notification.publicId,
    kind: notification.kind,
    title: notification.title,
    body: notification.body,
    action_url: notification.actionUrl,
    data: notification.data,
    workspace_id: notification.workspacePublicId,
    created_at: time(notification.createdAt),
    read_at: notification.readAt === null ? null : time(notification.readAt),
    acknowledged_at: notification.acknowledgedAt === null ? null : time(notification.acknowledgedAt),
  }
}

function time(ms: number): string {
  return new Date(ms).toISOString()
}
