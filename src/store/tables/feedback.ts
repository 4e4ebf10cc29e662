import type { Generated } from 'kysely'

export interface FeedbackTables {
  feedback: FeedbackTable
}

/** What somebody thinks of a turn, or of the product: then without a turn. */
export interface FeedbackTable {
  id: Generated<number>
  public_id: string
  workspace_id: number
  user_id: number
  app_id: number | null
  turn_id: number | null
  model: string | null
  is_positive: number | null
  reason: string | null
  details: string | null
  query: string | null
  /** JSON: what else was given with it. */
  given: string
  created_at: number
  updated_at: number
}
