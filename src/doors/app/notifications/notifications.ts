import { Type } from 'typebox'
import type { Scoped } from '#doors/gate/index.ts'
import { type Notifications, presentNotification } from '#features/notifications/index.ts'
import { ok } from '../envelope.ts'

const tags = ['notifications']

/** GET /api/v1/notifications, the newest first, and POST …/read-all: the caller's own, of every workspace he is in. */
export function notificationCollectionRoutes(
  door: Scoped,
  deps: { notifications: Pick<Notifications, 'list' | 'markAllRead'> },
): void {
  const url = '/api/v1/notifications'

  door.route({
    method: 'GET',
    url,
    schema: {
      querystring: Type.Object({
        unread: Type.Optional(Type.Boolean()),
        limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 50 })),
        before: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
      }),
      tags,
      summary: 'List your notifications',
    },
    handler: async ({ principal, query: { unread = false, limit = 50, before } }) => {
      const page = await deps.notifications.list(principal, { unread, limit, ...(before !== undefined && { before }) })
      return ok({
        notifications: page.notifications.map(presentNotification),
        unread_count: page.unread,
        has_more: page.more,
      })
    },
  })

  door.route({
    method: 'POST',
    url: `${url}/read-all`,
    schema: { tags, summary: 'Mark all your notifications as read' },
    handler: async ({ principal }) => ok({ marked: await deps.notifications.markAllRead(principal) }, 'Marked as read'),
  })
}
