import type { GuardrailHitNote } from '#contracts/index.ts'
import { presentCheck } from './check.ts'
import type { GuardrailRule } from './rule.ts'
import type { Trial } from './trial.ts'
import type { Violation } from './violations.ts'

export function presentRule(rule: GuardrailRule) {
  return {
    id: rule.publicId,
    name: rule.name,
    kind: rule.check.kind,
    where: rule.where,
    action: rule.action,
    enabled: rule.enabled,
    config: presentCheck(rule.check),
    application_id: rule.appId ?? null,
    created_at: new Date(rule.createdAt).toISOString(),
    updated_at: new Date(rule.updatedAt).toISOString(),
  }
}

export function presentViolation(violation: Violation) {
  const { rule } = violation
  return {
    id: violation.publicId,
    rule_id: rule.id,
    rule_name: rule.name,
    kind: rule.kind,
    action: rule.action,
    where: violation.where,
    place: violation.place,
    count: violation.count,
    outage: violation.outage,
    excerpt: violation.excerpt,
    turn_id: violation.turnId,
    application_id: violation.appId,
    user_id: violation.userId,
    created_at: new Date(violation.createdAt).toISOString(),
  }
}

export function presentTrial({ outcome, text, hits, calls }: Trial) {
  const costMicros = calls.reduce((sum, call) => sum + call.costMicros, 0)
  return { outcome, text, hits: hits.map(presentHit), cost_usd: costMicros / 1e6 }
}

function presentHit({ rule, count, excerpt, outage }: GuardrailHitNote) {
  return {
    rule_id: rule.publicId,
    rule_name: rule.name,
    kind: rule.check.kind,
    action: rule.action,
    count,
    excerpt,
    outage,
  }
}
