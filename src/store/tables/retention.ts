import type { Generated } from 'kysely'

export interface RetentionTables {
  legal_holds: LegalHoldsTable
  retention_progress: RetentionProgressTable
  erasures: ErasuresTable
}

/** What it covers is not removed while `lifted_at` is null. No app and no conversation: the whole workspace. */
export interface LegalHoldsTable {
  id: Generated<number>
  public_id: string
  workspace_id: number
  app_id: number | null
  conversation_id: number | null
  reason: string
  created_by: number
  created_at: number
  lifted_by: number | null
  lifted_at: number | null
}

/** How far a workspace's old text is removed: rows of that store up to the key `up_to` are done. */
export interface RetentionProgressTable {
  workspace_id: number
  store: string
  up_to: number
}

/** A request to remove what somebody said before `created_at`, and how far it came. */
export interface ErasuresTable {
  id: Generated<number>
  public_id: string
  user_id: number
  /** Null: everywhere. */
  workspace_id: number | null
  requested_by: number
  anonymised: number
  status: 'running' | 'completed'
  /** The store that is being gone through, and the key of its row that was seen last; null: the first, from its beginning. */
  store: string | null
  after: number
  /** JSON: store → how many. */
  removed: string
  kept: string
  /** Key of the newest turn there was when it was completed: an older one may still have been written after it. */
  seen_turn: number
  created_at: number
  ended_at: number | null
}
