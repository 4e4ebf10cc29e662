import { type Principal, requireScope } from '#contracts/index.ts'
import { AppError, toAppError } from '#errors/index.ts'
import { type Socket, type SocketHandlers, type Sockets, socketOwner } from '../gate/sockets/index.ts'
import { memberOf, refusal } from './admit.ts'
import type { RealtimeDeps } from './deps.ts'
import { errorFrame, frameFault, pongFrame, readFrame } from './frames.ts'
import type { Standing, StandingOf } from './standing.ts'
import { changeFrame, decodeFrame, presenceFrame, relayedFrame } from './workspace-frames.ts'
import { type Hub, type Member, workspaceHub } from './workspace-hub.ts'

/** Frames that may wait until it is known whether their receiver may still hear them. */
const mostHeld = 100

/**
 * /ws/workspaces/{workspace_id}: who is there, and what is changed in it. Leave policy: nothing is kept for who is away.
 */
export function workspaceSocket(sockets: Sockets, deps: RealtimeDeps, standingOf: StandingOf): void {
  const hub = workspaceHub()
  deps.workspaceChanged.on((change) => hub.tell(change.workspace.id, changeFrame(change)))

  sockets.route<Principal>({
    path: '/ws/workspaces/:workspace_id',
    door: 'realtime',
    summary: 'Who is in a workspace now, and what is changed in it',

    // Naming the workspace makes the principal one of its members, or nobody: then it does not exist for him.
    admit: (request) =>
      memberOf(
        { ...request, credentials: { ...request.credentials, workspaceId: request.params.workspace_id! } },
        deps,
      ),
    owner: (principal, { ip }) => socketOwner(principal, ip),
    refusal,
    connect: (socket, principal) => connection(socket, principal, standingOf(principal), { ...deps, hub }),
  })
}

function connection(
  socket: Socket,
  { user, workspace }: Principal,
  standing: Standing,
  deps: RealtimeDeps & { hub: Hub },
): SocketHandlers {
  const { hub } = deps
  const said = () => ({
    userId: user.publicId,
    workspaceId: workspace.publicId,
    timestamp: new Date(deps.now()).toISOString(),
  })
  let held = 0
  const member: Member = {
    workspaceId: workspace.id,
    userId: user.publicId,
    /** At once where it is known that he may hear it; otherwise, in order, when that has been asked. */
    deliver(frame) {
      if (held === 0 && standing.known) return socket.relay(frame)
      if (held >= mostHeld) return
      held++
      standing
        .principal()
        .then(() => socket.relay(frame), lost)
        .finally(() => held--)
    },
  }

  function lost(thrown: unknown): void {
    const { code, reason } = refusal(toAppError(thrown))
    socket.close(code, reason)
  }

  async function act(data: string | Buffer): Promise<void> {
    const decoded = decodeFrame(readFrame(data))
    if (decoded.type === 'ping') return socket.send(pongFrame(said().timestamp))
    requireScope(await standing.principal(), 'write')
    hub.tell(workspace.id, relayedFrame(decoded.frame, said()), member)
  }

  if (hub.join(member)) hub.tell(workspace.id, presenceFrame('user_joined', said()), member)
  const refuse = (error: AppError) => socket.send(errorFrame(error, said().timestamp))
  return {
    message: (data) => act(data).catch((thrown) => refuse(frameFault(thrown, deps.log))),
    overrun: () => refuse(new AppError('rate-limited', 'Too many frames; slow down')),
    closed() {
      if (hub.leave(member)) hub.tell(workspace.id, presenceFrame('user_left', said()))
    },
    still: standing.renew,
    presence: () => ({ session: `workspace_${workspace.publicId}`, user: user.publicId }),
  }
}
