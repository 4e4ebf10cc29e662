import type { Part } from './message.ts'

/** What goes into a running turn, addressed by turn id, from any door. A command that comes too late is a no-op that says so. */
export type TurnCommand =
  | { type: 'cancel'; reason?: string }
  /** Input for the running turn: the model step under way is cut short, and the next one reads it. */
  | { type: 'steer'; parts: Part[] }
  | { type: 'tool-result'; callId: string; result: string; isError: boolean }
  | { type: 'approval'; requestId: string; approved: boolean; note?: string }
  | { type: 'answer'; requestId: string; values: Record<string, unknown> }

/** `applied`: it changed the turn. `ended`: the turn was already over. `ignored`: the turn does not wait for this. */
export type CommandOutcome = 'applied' | 'ended' | 'ignored'
