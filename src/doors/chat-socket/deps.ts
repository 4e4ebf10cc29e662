import type { Apps } from '#features/apps/index.ts'
import type { Auth } from '#features/auth/index.ts'
import type { Conversations } from '#features/conversations/index.ts'
import type { Metrics } from '#lib/metrics.ts'
import type { Turns } from '#turns/index.ts'
import type { GateDeps } from '../gate/index.ts'

export interface ChatSocketDeps {
  turns: Turns
  apps: Pick<Apps, 'get' | 'findByToken'>
  auth: Pick<Auth, 'authenticate' | 'principalForApp' | 'renew'>
  conversations: Pick<Conversations, 'find'>
  limits: GateDeps['limits']
  now(): number
  metrics: Pick<Metrics, 'gauge'>
  log: { error(fields: object, message: string): void }
}
