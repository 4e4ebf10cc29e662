/**
 * Guardrails: the rules of workspaces and apps about what may be said, and what was found by them (docs/GUARDRAILS.md).
 * For administrators only. Looking at texts is the engine's business, and whom a rule asks is handed in.
 */
import { bind } from '#lib/bind.ts'
import {
  createGuardrail,
  type GuardrailsDeps,
  getGuardrail,
  listGuardrails,
  listViolations,
  removeGuardrail,
  tryGuardrails,
  updateGuardrail,
} from './guardrails.ts'
import { guardrailLookup } from './lookup.ts'

export { kinds } from './check.ts'
export type { GuardrailInput, GuardrailsDeps, Place } from './guardrails.ts'
export { presentRule, presentTrial, presentViolation } from './present.ts'
export type { BookCall, Trial, TryRules } from './trial.ts'
export { recordHits, type ViolatingTurn } from './violations.ts'

export type Guardrails = ReturnType<typeof guardrails>

export function guardrails(deps: GuardrailsDeps) {
  const lookup = guardrailLookup(deps)
  const own = { ...deps, lookup }
  return {
    forTurn: lookup.forTurn,
    create: bind(own, createGuardrail),
    list: bind(own, listGuardrails),
    get: bind(own, getGuardrail),
    update: bind(own, updateGuardrail),
    remove: bind(own, removeGuardrail),
    try: bind(own, tryGuardrails),
    violations: bind(own, listViolations),
  }
}
