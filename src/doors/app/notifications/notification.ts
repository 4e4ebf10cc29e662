import { Type } from 'typebox'
import type { Scoped } from '#doors/gate/index.ts'
import { type Notifications, presentNotification } from '#features/notifications/index.ts'
import { ok } from '../envelope.ts'
import { Uuid } from '../uuid.ts'

const params = Type.Object({ id: Uuid })
const tags = ['notifications']

/** GET /api/v1/notifications/{id}; POST …/read, and …/ack: it was received and is not sent to a socket again. */
export function notificationRoutes(
  door: Scoped,
  deps: { notifications: Pick<Notifications, 'get' | 'markRead' | 'acknowledge'> },
): void {
  const url = '/api/v1/notifications/:id'

  door.route({
    method: 'GET',
    url,
    schema: { params, tags, summary: 'Look at a notification' },
    handler: async ({ principal, params: { id } }) =>
      ok(presentNotification(await deps.notifications.get(principal, id))),
  })

  door.route({
    method: 'POST',
    url: `${url}/read`,
    schema: { params, tags, summary: 'Mark a notification as read' },
    handler: async ({ principal, params: { id } }) =>
      ok(presentNotification(await deps.notifications.markRead(principal, id)), 'Marked as read'),
  })

  door.route({
    method: 'POST',
    url: `${url}/ack`,
    schema: { params, tags, summary: 'Acknowledge a notification: no socket is sent it again' },
    handler: async ({ principal, params: { id } }) =>
      ok(presentNotification(await deps.notifications.acknowledge(principal, id)), 'Acknowledged'),
  })
}
