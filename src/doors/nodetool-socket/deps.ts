import type { Apps } from '#features/apps/index.ts'
import type { Auth } from '#features/auth/index.ts'
import type { Conversations } from '#features/conversations/index.ts'
import type { Upstreams } from '#features/upstreams/index.ts'
import type { Turns } from '#turns/index.ts'
import type { GateDeps } from '../gate/index.ts'

export interface NodeToolSocketDeps {
  turns: Pick<Turns, 'start' | 'attach' | 'command' | 'view' | 'onStart'>
  apps: Pick<Apps, 'get' | 'findByToken'>
  auth: Pick<Auth, 'authenticate' | 'principalForApp' | 'renew'>
  conversations: Pick<Conversations, 'find' | 'turnsOf'>
  upstreams: Pick<Upstreams, 'findModel'>
  limits: GateDeps['limits']
  now(): number
  log: { error(fields: object, message: string): void }
}
