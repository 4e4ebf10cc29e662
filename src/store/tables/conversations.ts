import type { Generated } from 'kysely'

export interface ConversationTables {
  conversations: ConversationsTable
  conversation_clears: ConversationClearsTable
}

export interface ConversationsTable {
  id: Generated<number>
  public_id: string
  workspace_id: number
  user_id: number
  app_id: number | null
  /** The caller's own name for it (X-Session-Id), unique per workspace, user and app. */
  external_id: string | null
  title: string
  status: 'active' | 'completed' | 'archived'
  /** JSON of contracts ConversationSettings. */
  settings: string
  /** The caller's business object that it is about, and the caller's user whom it is held with. */
  object_id: string | null
  external_user_id: string | null
  /** 1: begun by somebody who came with the app's access token. */
  visitor: Generated<number>
  created_at: number
  updated_at: number
}

/** What a user said to an app before turn key `through` is over, also for the model. Empty ids: about anything, for anybody. */
export interface ConversationClearsTable {
  user_id: number
  app_id: number
  object_id: string
  external_user_id: string
  through: number
  cleared_at: number
}
