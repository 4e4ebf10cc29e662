import type { History } from '#features/history/index.ts'
import type { Users } from '#features/users/index.ts'
import type { Workspaces } from '#features/workspaces/index.ts'
import type { Signal } from '#lib/signal.ts'
import type { Blobs } from '#store/blobs/index.ts'
import type { Database } from '#store/index.ts'

export interface RetentionDeps {
  database: Database
  now(): number
  log: { warn(fields: object, message: string): void }
  /** Fired when what somebody may do has changed. */
  accessChanged: Signal
  users: Pick<Users, 'find' | 'isServerAdmin' | 'confirmPassword'>
  workspaces: Pick<Workspaces, 'get'>
  history: Pick<History, 'forget'>
  /** Puts into the history what still waits to be; what is not there yet cannot be taken out. Must not throw. */
  catchUp(): Promise<void>
  blobs: Pick<Blobs, 'list' | 'remove'>
}
