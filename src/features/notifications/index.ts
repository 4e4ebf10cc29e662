/**
 * What people are told besides what they asked for: stored for each of them, read, acknowledged and forgotten after a
 * while. Who is told of what is decided by subscribers/notify; how it travels, by the doors.
 */
import { bells } from '#lib/bells.ts'
import { bind } from '#lib/bind.ts'
import {
  acknowledge,
  addNotifications,
  getNotification,
  listNotifications,
  markAllRead,
  markEach,
  markRead,
  type NotificationsDeps,
  pendingFor,
  pruneNotifications,
} from './notifications.ts'
import { watchNewest } from './watch.ts'

export type { NewNotification, Notification, NotificationKind } from './notification.ts'
export type { NotificationPage, NotificationsDeps } from './notifications.ts'
export { presentNotification } from './present.ts'
export { type UpstreamHealthDeps, upstreamHealth } from './upstream-health.ts'

export type Notifications = ReturnType<typeof notifications>

export function notifications(deps: NotificationsDeps) {
  const rings = bells<number>()
  const others = watchNewest({ ...deps, bells: rings })
  return {
    /** Within a transaction; afterwards `ring` for whom it gives back. */
    add: bind(deps, addNotifications),
    /** Something new was committed for these users. */
    ring(userIds: Iterable<number>): void {
      for (const id of userIds) rings.ring(id)
    },
    /** Calls `listener` when there may be something new for the user, until the returned function is called. */
    watch: others.watch,
    pending: bind(deps, pendingFor),
    list: bind(deps, listNotifications),
    get: bind(deps, getNotification),
    markRead: bind(deps, markRead),
    markAllRead: bind(deps, markAllRead),
    acknowledge: bind(deps, acknowledge),
    markEach: bind(deps, markEach),
    prune: bind(deps, pruneNotifications),
    close: others.close,
  }
}
