/** Endpoints of guardrails: the rules of workspaces and applications, what they would do, and what they found. */
import type { Scoped } from '#doors/gate/index.ts'
import type { Guardrails } from '#features/guardrails/index.ts'
import { guardrailRoutes } from './guardrail.ts'
import { guardrailCollectionRoutes } from './guardrails.ts'
import { guardrailTestRoute } from './test.ts'
import { violationsRoute } from './violations.ts'

export function guardrailEndpoints(door: Scoped, deps: { guardrails: Guardrails }): void {
  guardrailCollectionRoutes(door, deps)
  violationsRoute(door, deps)
  guardrailTestRoute(door, deps)
  guardrailRoutes(door, deps)
}
