/** Endpoints of /api/v1/notifications: what the user was told, for who does not listen to the socket. */
import type { Scoped } from '#doors/gate/index.ts'
import type { Notifications } from '#features/notifications/index.ts'
import { notificationRoutes } from './notification.ts'
import { notificationCollectionRoutes } from './notifications.ts'

export function notificationEndpoints(door: Scoped, deps: { notifications: Notifications }): void {
  notificationCollectionRoutes(door, deps)
  notificationRoutes(door, deps)
}
