/** What a conversation goes by in the place of its app's own. Absent: as the app has it. */
export interface ConversationSettings {
  model?: string
  /** Names of server tools that are offered in it. */
  tools?: string[]
  /** Free pairs of whoever made it. */
  metadata?: Record<string, unknown>
}

/** What a turn asks of its conversation. */
export interface ConversationAsk {
  /** With `newConversation`: none is started where the caller has one about the same; the newest goes on. */
  continueLast?: boolean
  /** Of a conversation that is started: the caller's business object it is about, and the caller's user it is held with. */
  objectId?: string
  externalUserId?: string
  /** What is given replaces what was set before; stored with the turn's start, and true for this turn already. */
  settings?: ConversationSettings
}
