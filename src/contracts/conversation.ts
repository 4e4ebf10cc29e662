/** What a conversation goes by in the place of its app's own. Absent: as the app has it. */
export interface ConversationSettings {
  model?: string
  /** Names of server tools that are offered in it. */
  tools?: string[]
  /** Free pairs of whoever made it. */
  metadata?: Record<string, unknown>
}

/** What a turn makes of its conversation: stored with the turn's start, and true for this turn already. */
export interface ConversationChange {
  /** Of a conversation that the turn starts: the caller's business object it is about, and the caller's user it is held with. */
  objectId?: string
  externalUserId?: string
  /** What is given replaces what was set before. */
  settings?: ConversationSettings
}
