import type { Peer } from './peer.ts'
import type { SocketStats } from './types.ts'

/** Counted when asked, from what is open: nothing to keep, and nothing to forget to take out. */
export function statsOf(open: Iterable<Peer>): SocketStats {
  const sessions = new Map<string, number>()
  const users = new Map<string, number>()
  let total = 0
  for (const { handlers } of open) {
    const presence = handlers?.presence?.()
    if (!presence) continue
    total++
    if (presence.session !== undefined) sessions.set(presence.session, (sessions.get(presence.session) ?? 0) + 1)
    if (presence.user !== undefined) users.set(presence.user, (users.get(presence.user) ?? 0) + 1)
  }
  return {
    total_connections: total,
    active_sessions: sessions.size,
    active_users: users.size,
    details: { sessions: Object.fromEntries(sessions), users: Object.fromEntries(users) },
  }
}
