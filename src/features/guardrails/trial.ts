import type { FinishReason, Guardrail, GuardrailHitNote, Usage } from '#contracts/index.ts'

/** What rules would do to a text. */
export interface Trial {
  outcome: 'allowed' | 'flagged' | 'masked' | 'blocked'
  /** What would go on. */
  text: string
  hits: GuardrailHitNote[]
  /** The model calls that it cost. */
  calls: readonly TrialCall[]
}

export interface TrialCall {
  model: string
  upstream: string
  usage: Usage
  costMicros: number
  finishReason: FinishReason
}

/** Holds a text to rules without storing anything. */
export type TryRules = (rules: readonly Guardrail[], text: string, where: 'input' | 'output') => Promise<Trial>

/** Books a model call that belongs to no turn. */
export type BookCall = (
  payer: { workspaceId: number; userId: number; keyId: number | null },
  call: TrialCall & { purpose: string },
) => Promise<void>
