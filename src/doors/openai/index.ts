/**
 * OpenAI's HTTP API (and NodeTool's and CoAI's, which live on the same paths): /v1. Decides nothing: it turns requests
 * into turns and events into chunks.
 */
import type { Scoped } from '../gate/index.ts'
import { useErrors } from '../gate/index.ts'
import { chatCompletions } from './chat-completions.ts'
import { conversations } from './conversations.ts'
import type { OpenAiDoorDeps } from './deps.ts'
import { openAiErrors } from './errors.ts'
import { models } from './models.ts'
import { webhookEndpoints } from './webhooks/index.ts'

export type { OpenAiDoorDeps } from './deps.ts'
export { openAiErrors } from './errors.ts'

export function openAiDoor(door: Scoped, deps: OpenAiDoorDeps): void {
  useErrors(door, openAiErrors)
  chatCompletions(door, deps)
  models(door, deps)
  conversations(door, deps)
  webhookEndpoints(door, deps)
}
