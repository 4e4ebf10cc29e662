import type { Generated } from 'kysely'

export interface GuardrailTables {
  guardrails: GuardrailsTable
  guardrail_violations: GuardrailViolationsTable
}

export interface GuardrailsTable {
  id: Generated<number>
  public_id: string
  workspace_id: number
  /** Null: of the workspace itself. */
  app_id: number | null
  name: string
  direction: 'input' | 'output' | 'both'
  action: 'block' | 'mask' | 'flag'
  enabled: number
  /** JSON of contracts GuardrailCheck. */
  config: string
  created_by: number
  created_at: number
  updated_at: number
}

/** What a rule found in a turn, without what it found. */
export interface GuardrailViolationsTable {
  id: Generated<number>
  public_id: string
  workspace_id: number
  app_id: number | null
  user_id: number
  /** Public id, as that of the rule. */
  turn_id: string
  rule_id: string
  rule_name: string
  kind: string
  action: 'block' | 'mask' | 'flag'
  direction: 'input' | 'output'
  place: string
  count: number
  /** 1: it could not be asked. */
  outage: number
  excerpt: string
  created_at: number
}
