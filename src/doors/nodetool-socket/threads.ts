import type { Followers } from './followers.ts'

/** The conversations that one connection is in, and what its client calls them. */
export interface Threads {
  follow(conversationId: string, name: string): void
  nameOf(conversationId: string): string | undefined
  leaveAll(): void
}

/** The oldest goes when there is one more. */
const mostThreads = 256

export function threads<T>(followers: Followers<T>, member: T): Threads {
  const names = new Map<string, string>()

  function leave(conversationId: string): void {
    names.delete(conversationId)
    followers.leave(conversationId, member)
  }

  return {
    follow(conversationId, name) {
      names.delete(conversationId)
      if (names.size >= mostThreads) for (const oldest of [...names.keys()].slice(0, 1)) leave(oldest)
      names.set(conversationId, name)
      followers.follow(conversationId, member)
    },
    nameOf: (conversationId) => names.get(conversationId),
    leaveAll() {
      for (const conversationId of names.keys()) leave(conversationId)
    },
  }
}
