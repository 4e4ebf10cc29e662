/**
 * The doors that only tell: notifications, what goes on in a workspace, runs of plugins. Decides nothing and starts no
 * turn: stored things become frames, and frames become calls of features.
 */
import type { Sockets } from '../gate/sockets/index.ts'
import type { RealtimeDeps } from './deps.ts'
import { notificationSocket } from './notifications.ts'
import { pluginDebugSocket } from './plugin-debug.ts'
import { standings } from './standing.ts'
import { workspaceSocket } from './workspaces.ts'

export type { RealtimeDeps } from './deps.ts'

export function realtimeDoor(sockets: Sockets, deps: RealtimeDeps): void {
  const standingOf = standings(deps)
  notificationSocket(sockets, deps, standingOf)
  workspaceSocket(sockets, deps, standingOf)
  pluginDebugSocket(sockets, deps)
}
