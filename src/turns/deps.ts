import type { Guardrail, Price, Principal, ToolSpec } from '#contracts/index.ts'
import type { EngineDeps, ToolOutcome } from '#engine/index.ts'
import type { AskDeps } from '#engine/moderation/index.ts'
import type { AppConfig } from '#features/apps/index.ts'
import type { Conversations } from '#features/conversations/index.ts'
import type { Database } from '#store/index.ts'

/** What turns are made of; wired in app.ts. */
export interface TurnsDeps {
  database: Database
  conversations: Conversations
  apps: {
    /** Throws `not-found` for an app that the principal may not use, `forbidden` for a disabled one. */
    getForTurn(principal: Principal, publicId: string): Promise<TurnApp> | TurnApp
  }
  models: {
    openModel: EngineDeps['openModel']
    /** The name itself, `auto` resolved; throws `not-found` for a model nobody offers. */
    resolve(model: string): { model: string; price: Price }
    isOffered(model: string): boolean
  }
  guardrails: {
    /** The rules that a turn is held to, at once when they are known; the same list as long as nothing was changed. */
    forTurn(workspaceId: number, appId?: number): readonly Guardrail[] | Promise<readonly Guardrail[]>
    /** How rules reach those whom they ask. */
    asking: AskDeps
  }
  budgets: {
    /** Whether a workspace has a budget; at once where that is known. */
    isLimited(workspaceId: number): boolean | Promise<boolean>
  }
  /** A server tool as it is offered to the models of this app; undefined: this server does not have it. */
  findTool(name: string, app: TurnApp): ToolSpec | undefined
  runTool(call: { callId: string; name: string; arguments: string }, signal: AbortSignal): Promise<ToolOutcome>
  now(): number
  log: { error(fields: object, message: string): void; warn(fields: object, message: string): void }
  options: TurnsOptions
}

export interface TurnApp {
  id: number
  publicId: string
  type: 'chat' | 'workflow' | 'channel'
  config: AppConfig
}

export interface TurnsOptions {
  /** How long a `cancel-after-grace` turn waits for a reader to come back. */
  leaveGraceMs: number
  /** Between two checkpoints of a running turn; a crash can lose that much of a stream, and how long the last one waited for company. */
  checkpointMs: number
  /** A process that has not renewed its lease for so long is taken to be dead. */
  leaseMs: number
  maxSteps: number
  clientToolTimeoutMs: number
  /** Turns that may run at once in this process; more are refused as `overloaded`. */
  maxRunning: number
  /** How long an Idempotency-Key is remembered. */
  idempotencyMs: number
}

export const defaultTurnsOptions: TurnsOptions = {
  leaveGraceMs: 15_000,
  checkpointMs: 800,
  leaseMs: 15_000,
  maxSteps: 16,
  clientToolTimeoutMs: 60_000,
  maxRunning: 20_000,
  idempotencyMs: 24 * 3_600_000,
}
