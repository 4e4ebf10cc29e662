import type { Principal } from '#contracts/index.ts'
import { AppError, invalid } from '#errors/index.ts'
import type { Notification } from '#features/notifications/index.ts'
import { type Socket, type SocketHandlers, type Sockets, socketOwner } from '../gate/sockets/index.ts'
import { memberOf, refusal } from './admit.ts'
import type { RealtimeDeps } from './deps.ts'
import { feeder, offer } from './feed.ts'
import { errorFrame, type Fields, frameFault, optional, pongFrame, readFrame, readId } from './frames.ts'
import type { Standing, StandingOf } from './standing.ts'

/** What a socket is sent before it is waited for. */
const pageSize = 50
const mostIds = 100

/**
 * /ws/notifications/{user_id}: what the user has neither read nor acknowledged, the oldest first, and then what comes.
 * Leave policy: what was not acknowledged is sent again to whoever comes back.
 */
export function notificationSocket(sockets: Sockets, deps: RealtimeDeps, standingOf: StandingOf): void {
  sockets.route<Principal>({
    path: '/ws/notifications/:user_id',
    door: 'realtime',
    summary: 'Your notifications, those that wait and those that come',

    async admit(request) {
      const principal = await memberOf(request, deps)
      if (request.params.user_id!.toLowerCase() !== principal.user.publicId)
        throw new AppError('forbidden', 'These are not your notifications')
      return principal
    },
    owner: (principal, { ip }) => socketOwner(principal, ip),
    refusal,
    connect: (socket, principal) => connection(socket, principal, standingOf(principal), deps),
  })
}

function connection(socket: Socket, admitted: Principal, standing: Standing, deps: RealtimeDeps): SocketHandlers {
  const { notifications } = deps
  const timestamp = () => new Date(deps.now()).toISOString()
  /** What this socket was sent up to here. Stored ones are greater the later they were committed, so none is passed over. */
  let sent = 0
  const wake = feeder(socket, deps.log, async () => {
    for (let full = true; full && socket.isOpen; ) {
      const page = await notifications.pending(await standing.principal(), sent, pageSize)
      await offer(socket, framesOf(page, timestamp))
      sent = page.at(-1)?.id ?? sent
      full = page.length === pageSize
    }
  })
  const leave = notifications.watch(admitted.user.id, wake)
  wake()

  async function act(data: string | Buffer): Promise<void> {
    const frame = decode(readFrame(data))
    if (frame.type === 'ping') return socket.send(pongFrame(timestamp()))
    const marked = await notifications.markEach(
      await standing.principal(),
      frame.type === 'ack' ? 'acknowledged' : 'read',
      frame.ids,
    )
    socket.send(JSON.stringify({ type: `${frame.type}_result`, ids: marked, timestamp: timestamp() }))
  }

  const refuse = (error: AppError) => socket.send(errorFrame(error, timestamp()))
  return {
    message: (data) => act(data).catch((thrown) => refuse(frameFault(thrown, deps.log))),
    overrun: () => refuse(new AppError('rate-limited', 'Too many frames; slow down')),
    closed: leave,
    still: standing.renew,
    presence: () => ({ user: admitted.user.publicId }),
  }
}

function* framesOf(page: Notification[], timestamp: () => string): Iterable<string> {
  for (const one of page)
    yield JSON.stringify({
      type: 'notification',
      notification: {
        id: one.publicId,
        title: one.title,
        body: one.body,
        action_url: one.actionUrl,
        kind: one.kind,
        data: one.data,
        workspace_id: one.workspacePublicId,
        created_at: new Date(one.createdAt).toISOString(),
      },
      timestamp: timestamp(),
    })
}

type ClientFrame = { type: 'ping' } | { type: 'ack' | 'read'; ids: string[] }

function decode(given: Fields): ClientFrame {
  switch (given.type) {
    case 'ping':
      return { type: 'ping' }
    case 'ack':
    case 'read':
      return { type: given.type, ids: idsOf(given) }
    default:
      throw invalid('type', 'type must be one of ack, read, ping')
  }
}

function idsOf(given: Fields): string[] {
  const id = optional(given, 'id')
  if (id !== undefined) return [id]
  const { ids } = given
  if (ids === undefined || ids === null) throw invalid('id', "'id' or 'ids' field is required", 'missing')
  if (!Array.isArray(ids) || ids.length > mostIds) throw invalid('ids', `ids must be a list of at most ${mostIds} ids`)
  return ids.map((one, index) => readId(`ids[${index}]`, one))
}
