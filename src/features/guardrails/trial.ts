import type { Guardrail, GuardrailHitNote } from '#contracts/index.ts'

/** What rules would do to a text. */
export interface Trial {
  outcome: 'allowed' | 'flagged' | 'masked' | 'blocked'
  /** What would go on. */
  text: string
  hits: GuardrailHitNote[]
  /** What it cost to ask. */
  costMicros: number
}

/** Holds a text to rules without storing anything. */
export type TryRules = (rules: readonly Guardrail[], text: string, where: 'input' | 'output') => Promise<Trial>
