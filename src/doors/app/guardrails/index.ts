/** Endpoints of guardrails: the rules of workspaces and applications, what they would do, and what they found. */
import type { Scoped } from '#doors/gate/index.ts'
import type { Guardrails } from '#features/guardrails/index.ts'
import { places } from './decode.ts'
import { guardrailRoutes } from './guardrail.ts'
import { guardrailCollectionRoutes } from './guardrails.ts'
import { guardrailTestRoute } from './test.ts'
import { violationsRoute } from './violations.ts'

export function guardrailEndpoints(door: Scoped, deps: { guardrails: Guardrails }): void {
  violationsRoute(door, deps)
  for (const under of places) {
    guardrailCollectionRoutes(door, under, deps)
    guardrailTestRoute(door, under, deps)
    guardrailRoutes(door, under, deps)
  }
}
