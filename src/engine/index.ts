/**
 * The engine: model steps and the tool loop of one turn. It does no I/O of its own: models, tools and time come in
 * as functions, events go out through `emit`. It never throws; how a turn ended is its return value.
 */
export type { ContextPolicy } from './context-window.ts'
export { TurnControl } from './control.ts'
export { type Ending, type EngineDeps, type EngineRequest, runModelLoop, type ToolOutcome } from './loop.ts'
