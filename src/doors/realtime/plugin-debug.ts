import { AppError, invalid } from '#errors/index.ts'
import type { Execution } from '#features/executions/index.ts'
import type { Socket, SocketHandlers, SocketRequest, Sockets } from '../gate/sockets/index.ts'
import { refusal } from './admit.ts'
import type { RealtimeDeps } from './deps.ts'
import { feeder, offer } from './feed.ts'
import { debugFrame, endFrame, infoFrame, problemFrame } from './plugin-debug-frames.ts'

const pageSize = 50

interface Watcher {
  execution: Execution
  /** The seq of the last frame the client has seen; 0: none. */
  after: number
}

/**
 * /api/v1/ws/plugin/debug/{execution_id}: what a run of a plugin tells, from its beginning to its end, whether it is over
 * or not. Who holds the id may watch. Leave policy: what is missed is there for who comes back with `after`.
 */
export function pluginDebugSocket(sockets: Sockets, deps: RealtimeDeps): void {
  sockets.route<Watcher>({
    path: '/api/v1/ws/plugin/debug/:execution_id',
    door: 'realtime',
    summary: 'What a run of a plugin tells, as it goes or afterwards',

    async admit(request) {
      const execution = await deps.executions.findOpen(request.params.execution_id!)
      if (!execution) throw missing()
      return { execution, after: cursor(request) }
    },
    owner: ({ execution }) => `execution ${execution.id}`,
    refusal,
    connect: (socket, watcher) => connection(socket, watcher, deps),
  })
}

function connection(socket: Socket, { execution, after }: Watcher, deps: RealtimeDeps): SocketHandlers {
  const { executions } = deps
  const id = execution.publicId
  let sent = after
  const wake = feeder(socket, deps.log, async () => {
    while (socket.isOpen) {
      // Looked at before its frames: what it says of its end is then true of all of them.
      const now = await executions.findOpen(id)
      if (!now) throw missing()
      const page = await executions.frames(now.id, sent, pageSize)
      await offer(socket, page.map(debugFrame))
      sent = page.at(-1)?.seq ?? sent
      if (page.length === pageSize) continue
      if (now.status === 'running') return
      await offer(socket, [endFrame(now)])
      socket.close(1000, now.status)
    }
  })
  const leave = executions.watch(id, wake)
  socket.send(infoFrame(execution))
  wake()

  const refuse = (message: string) => socket.send(problemFrame(message, deps.now()))
  return {
    message(data) {
      if (data === 'ping') socket.send('pong')
      else refuse('Only the text ping is understood here')
    },
    overrun: () => refuse('Too many frames; slow down'),
    closed: leave,
    // Counted, but under no name: the id is a secret.
    presence: () => ({}),
  }
}

function cursor({ query }: SocketRequest): number {
  const after = Number(query.after ?? 0)
  if (!Number.isSafeInteger(after) || after < 0) throw invalid('after', 'after must be the seq of a frame')
  return after
}

function missing(): AppError {
  return new AppError('not-found', 'Execution not found')
}
