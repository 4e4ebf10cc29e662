/**
 * Runs of a plugin's tool, kept for a while so that who writes the plugin can watch one as it goes, or read it again.
 * What runs them writes here; nothing is run here. An execution's id is the right to watch it: 192 random bits, told
 * only to who started it and to administrators of the workspace.
 */
import { bells } from '#lib/bells.ts'
import { bind } from '#lib/bind.ts'
import {
  appendFrame,
  type ExecutionsDeps,
  findOpen,
  finishExecution,
  framesAfter,
  getExecution,
  listExecutions,
  pruneExecutions,
  startExecution,
} from './executions.ts'
import { watchShared } from './watch.ts'

export type { Execution, ExecutionFrame, FrameType } from './execution.ts'
export type { ExecutionPage, ExecutionsDeps } from './executions.ts'
export { presentExecution } from './present.ts'

export type Executions = ReturnType<typeof executions>

export function executions(deps: ExecutionsDeps) {
  const rings = bells<string>()
  const own = { ...deps, ring: rings.ring }
  const others = watchShared(deps.database, rings)
  return {
    start: bind(own, startExecution),
    append: bind(own, appendFrame),
    finish: bind(own, finishExecution),
    get: bind(own, getExecution),
    list: bind(own, listExecutions),
    findOpen: bind(own, findOpen),
    frames: bind(own, framesAfter),
    /** Calls `listener` when the execution may have gone on, until the returned function is called. */
    watch: others.watch,
    prune: bind(own, pruneExecutions),
    close: others.close,
  }
}
