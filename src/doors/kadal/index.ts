/**
 * Kadal's chat API: /aiwb/chat/api (docs/KADAL.md). Decides nothing: a chat bot is an app, an answer is a turn, and what was
 * said is read from the one history.
 */
import { type ErrorShape, type Scoped, useErrors } from '../gate/index.ts'
import { clearHistoryRoute } from './clear-history.ts'
import type { KadalDoorDeps } from './deps.ts'
import { downloadRoute } from './download.ts'
import { botErrors, feedbackErrors, kadalErrors } from './errors.ts'
import { feedbacksRoute } from './feedbacks.ts'
import { historyRoute } from './history.ts'
import { streamRoute } from './stream.ts'

export type { KadalDoorDeps, NamedFile } from './deps.ts'

type Route = (door: Scoped, deps: KadalDoorDeps) => void

export async function kadalDoor(door: Scoped, deps: KadalDoorDeps): Promise<void> {
  const add = (errors: ErrorShape, ...routes: Route[]) =>
    door.register(async (scope) => {
      useErrors(scope, errors)
      for (const route of routes) route(scope as unknown as Scoped, deps)
    })
  await add(botErrors, streamRoute)
  await add(botErrors, clearHistoryRoute)
  await add(kadalErrors, historyRoute, downloadRoute)
  await add(feedbackErrors, feedbacksRoute)
}
