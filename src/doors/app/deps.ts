import type { Apps } from '#features/apps/index.ts'
import type { Auth } from '#features/auth/index.ts'
import type { Conversations } from '#features/conversations/index.ts'
import type { Executions } from '#features/executions/index.ts'
import type { Feedback } from '#features/feedback/index.ts'
import type { Guardrails } from '#features/guardrails/index.ts'
import type { Keys } from '#features/keys/index.ts'
import type { Notifications } from '#features/notifications/index.ts'
import type { Retention } from '#features/retention/index.ts'
import type { Upstreams } from '#features/upstreams/index.ts'
import type { Usage } from '#features/usage/index.ts'
import type { Users } from '#features/users/index.ts'
import type { Workspaces } from '#features/workspaces/index.ts'
import type { Turns } from '#turns/index.ts'

/** What the application door needs of the house; each endpoint takes only its part. */
export interface AppDoorDeps {
  turns: Turns
  auth: Auth
  users: Users
  workspaces: Workspaces
  keys: Keys
  apps: Apps
  guardrails: Guardrails
  conversations: Conversations
  upstreams: Upstreams
  usage: Usage
  notifications: Notifications
  executions: Executions
  retention: Retention
  feedback: Feedback
  /** Whether strangers may register. */
  registration: boolean
  /** Throws `rate-limited` when this name was tried too often. */
  loginLimit(key: string): void
}
