import type { WorkspaceChange } from '#contracts/index.ts'
import type { Apps } from '#features/apps/index.ts'
import type { Auth } from '#features/auth/index.ts'
import type { Executions } from '#features/executions/index.ts'
import type { Notifications } from '#features/notifications/index.ts'
import type { Signal } from '#lib/signal.ts'

export interface RealtimeDeps {
  auth: Pick<Auth, 'authenticate' | 'principalForApp' | 'renew'>
  apps: Pick<Apps, 'findByToken'>
  notifications: Pick<Notifications, 'pending' | 'watch' | 'markEach'>
  executions: Pick<Executions, 'findOpen' | 'frames' | 'watch'>
  /** Fired when what somebody may do has changed. */
  accessChanged: Signal
  /** Fired after something was changed in a workspace, through whichever door. */
  workspaceChanged: Signal<WorkspaceChange>
  now(): number
  log: { error(fields: object, message: string): void }
}
