/**
 * Guardrails: what may be said to a model, and what a model may say (docs/GUARDRAILS.md). Looks at texts as they come and
 * lets through what may be shown; whom it must ask, and what time it is, is handed in. It knows no turn and no table.
 */
export { type AskDeps, ask, Passed, type Spent } from './asking.ts'
export { type AskingRule, checkProblem, compileRules, type Rules, type Side } from './compile.ts'
export { Guard } from './guard.ts'
export { lookThrough } from './look-through.ts'
export { type Trial, tryRules } from './trial.ts'
