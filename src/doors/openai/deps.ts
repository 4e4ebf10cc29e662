import type { Apps } from '#features/apps/index.ts'
import type { Conversations } from '#features/conversations/index.ts'
import type { History } from '#features/history/index.ts'
import type { Upstreams } from '#features/upstreams/index.ts'
import type { Turns } from '#turns/index.ts'
import type { WebhookDoorDeps } from './webhooks/index.ts'

/** What the OpenAI-style door needs of the house. */
export interface OpenAiDoorDeps extends WebhookDoorDeps {
  turns: Turns
  apps: Pick<Apps, 'find' | 'list'>
  conversations: Pick<Conversations, 'survey' | 'surveyed' | 'create' | 'get' | 'update' | 'turnsOf'>
  history: Pick<History, 'conversationsSaying'>
  upstreams: Pick<Upstreams, 'models' | 'findModel'>
}
