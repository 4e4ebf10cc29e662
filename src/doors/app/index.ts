/**
 * The application API (Nadoo-style): /api/v1. Chat apps behind one completions endpoint, sessions, turns, accounts.
 * Decides nothing: requests become turns or calls of features, events become chunks and named events.
 */
import { type Scoped, useErrors } from '../gate/index.ts'
import { apiKeyRoutes } from './api-keys/index.ts'
import { applicationEndpoints } from './applications/index.ts'
import { authRoutes } from './auth/index.ts'
import { appChatCompletions } from './chat/completions.ts'
import { sessionCompletions } from './chat/session-completions.ts'
import { sessions } from './chat/sessions.ts'
import type { AppDoorDeps } from './deps.ts'
import { appErrors } from './errors.ts'
import { executionEndpoints } from './executions/index.ts'
import { feedbackEndpoints } from './feedback/index.ts'
import { guardrailEndpoints } from './guardrails/index.ts'
import { notificationEndpoints } from './notifications/index.ts'
import { retentionEndpoints } from './retention/index.ts'
import { turnEndpoints } from './turns.ts'
import { usageEndpoint } from './usage.ts'
import { workspaceRoutes } from './workspaces/index.ts'

export type { AppDoorDeps } from './deps.ts'
export { appErrors } from './errors.ts'

export function appDoor(door: Scoped, deps: AppDoorDeps): void {
  useErrors(door, appErrors)
  appChatCompletions(door, deps)
  sessionCompletions(door, deps)
  sessions(door, deps)
  turnEndpoints(door, deps)
  usageEndpoint(door, deps)
  authRoutes(door, deps)
  apiKeyRoutes(door, deps)
  applicationEndpoints(door, deps)
  guardrailEndpoints(door, deps)
  workspaceRoutes(door, deps)
  notificationEndpoints(door, deps)
  executionEndpoints(door, deps)
  retentionEndpoints(door, deps)
  feedbackEndpoints(door, deps)
}
