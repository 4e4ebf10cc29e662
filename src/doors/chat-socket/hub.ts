import type { Connection } from './connection.ts'

/**
 * Who is connected to which session, in this process. A session belongs to a workspace: the same id in another one is
 * another session, so that nobody hears what is not meant for them. Empty sessions are forgotten.
 */
export class Hub {
  private readonly sessions = new Map<string, Set<Connection>>()
  private readonly conversations = new Map<string, Set<Connection>>()
  /** What is talked about in a session: whoever joins it follows that. */
  private readonly shared = new Map<string, Set<string>>()

  join(connection: Connection): void {
    add(this.sessions, connection.sessionKey, connection)
    for (const id of this.shared.get(connection.sessionKey) ?? []) this.follow(connection, id)
  }

  /** Everybody in the connection's session is shown the turns of this conversation, from now on. */
  share(connection: Connection, conversationId: string): void {
    add(this.shared, connection.sessionKey, conversationId)
    for (const member of this.sessions.get(connection.sessionKey) ?? []) this.follow(member, conversationId)
  }

  /** From now on the connection is shown the turns of this conversation. */
  follow(connection: Connection, conversationId: string): void {
    if (connection.following.has(conversationId)) return
    connection.following.add(conversationId)
    add(this.conversations, conversationId, connection)
  }

  leave(connection: Connection): void {
    remove(this.sessions, connection.sessionKey, connection)
    if (!this.sessions.has(connection.sessionKey)) this.shared.delete(connection.sessionKey)
    for (const id of connection.following) remove(this.conversations, id, connection)
  }

  followers(conversationId: string): Iterable<Connection> {
    return this.conversations.get(conversationId) ?? []
  }

  /** The others of the connection's session. */
  *others(connection: Connection): Iterable<Connection> {
    for (const other of this.sessions.get(connection.sessionKey) ?? []) if (other !== connection) yield other
  }
}

function add<T>(map: Map<string, Set<T>>, key: string, member: T): void {
  const members = map.get(key)
  if (members) members.add(member)
  else map.set(key, new Set([member]))
}

function remove<T>(map: Map<string, Set<T>>, key: string, member: T): void {
  const members = map.get(key)
  if (members?.delete(member) && members.size === 0) map.delete(key)
}
