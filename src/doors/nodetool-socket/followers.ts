/** Who follows which conversation, in this process. Conversations that nobody follows are forgotten. */
export interface Followers<T> {
  follow(conversationId: string, member: T): void
  leave(conversationId: string, member: T): void
  of(conversationId: string): Iterable<T>
}

export function followers<T>(): Followers<T> {
  const byConversation = new Map<string, Set<T>>()
  return {
    follow(conversationId, member) {
      const members = byConversation.get(conversationId)
      if (members) members.add(member)
      else byConversation.set(conversationId, new Set([member]))
    },
    leave(conversationId, member) {
      const members = byConversation.get(conversationId)
      if (members?.delete(member) && members.size === 0) byConversation.delete(conversationId)
    },
    of: (conversationId) => byConversation.get(conversationId) ?? [],
  }
}
