/**
 * Turns from start to settlement: prepare, admit, run, log, read, command, settle, and the reaper for those whose
 * process died. docs/TURNS.md tells the guarantees; no door and no wire is known here.
 */
export { countTurns } from './count.ts'
export { defaultTurnsOptions, type TurnApp, type TurnsDeps, type TurnsOptions } from './deps.ts'
export type { Turn, TurnReader } from './turn.ts'
export { type Turns, type TurnView, turns } from './turns.ts'
