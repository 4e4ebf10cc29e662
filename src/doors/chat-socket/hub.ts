import { groups } from '#lib/groups.ts'
import type { Connection } from './connection.ts'

/** Conversations that one connection follows at most: the oldest makes room. */
const mostFollowed = 200

/**
 * Who is connected to which session, in this process. A session belongs to a workspace: the same id in another one is
 * another session, so that nobody hears what is not meant for them. Empty sessions are forgotten.
 */
export class Hub {
  private readonly sessions = groups<Connection>()
  private readonly conversations = groups<Connection>()
  /** What is talked about in a session: whoever joins it follows that. */
  private readonly shared = groups<string>()

  join(connection: Connection): void {
    this.sessions.add(connection.sessionKey, connection)
    for (const id of this.shared.of(connection.sessionKey)) this.follow(connection, id)
  }

  /** Everybody in the connection's session is shown the turns of this conversation, from now on. */
  share(connection: Connection, conversationId: string): void {
    // It may have left while its turn began.
    if (!connection.isOpen) return
    this.shared.add(connection.sessionKey, conversationId)
    for (const member of this.sessions.of(connection.sessionKey)) this.follow(member, conversationId)
  }

  /** From now on the connection is shown the turns of this conversation. */
  follow(connection: Connection, conversationId: string): void {
    if (!connection.isOpen) return
    connection.following ??= new Set()
    const { following } = connection
    if (following.has(conversationId)) return
    const [oldest] = following
    if (oldest !== undefined && following.size >= mostFollowed) {
      following.delete(oldest)
      this.conversations.remove(oldest, connection)
    }
    following.add(conversationId)
    this.conversations.add(conversationId, connection)
  }

  leave(connection: Connection): void {
    const { sessionKey, following } = connection
    this.sessions.remove(sessionKey, connection)
    if (!this.sessions.has(sessionKey)) this.shared.delete(sessionKey)
    for (const id of following ?? []) this.conversations.remove(id, connection)
  }

  followers(conversationId: string): Iterable<Connection> {
    return this.conversations.of(conversationId)
  }

  /** The others of the connection's session. */
  *others(connection: Connection): Iterable<Connection> {
    for (const other of this.sessions.of(connection.sessionKey)) if (other !== connection) yield other
  }

  /** How many sessions, followed conversations and sessions with something shared there are. */
  sizes(): { sessions: number; conversations: number; shared: number } {
    return { sessions: this.sessions.size(), conversations: this.conversations.size(), shared: this.shared.size() }
  }
}
