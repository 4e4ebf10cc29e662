/** One socket in a workspace. */
export interface Member {
  /** The workspace's key. */
  workspaceId: number
  userId: string
  deliver(frame: string): void
}

/** Who is connected to which workspace, in this process. A user with two tabs is there once. Empty workspaces are forgotten. */
export interface Hub {
  /** True: the first of this user. */
  join(member: Member): boolean
  /** True: the last of this user. */
  leave(member: Member): boolean
  /** To every socket of the workspace but `except`. */
  tell(workspaceId: number, frame: string, except?: Member): void
}

export function workspaceHub(): Hub {
  const workspaces = new Map<number, Map<string, Set<Member>>>()
  return {
    join(member) {
      const users = workspaces.get(member.workspaceId) ?? new Map<string, Set<Member>>()
      workspaces.set(member.workspaceId, users)
      const sockets = users.get(member.userId) ?? new Set()
      users.set(member.userId, sockets.add(member))
      return sockets.size === 1
    },
    leave(member) {
      const users = workspaces.get(member.workspaceId)
      const sockets = users?.get(member.userId)
      if (!users || !sockets?.delete(member) || sockets.size > 0) return false
      users.delete(member.userId)
      if (users.size === 0) workspaces.delete(member.workspaceId)
      return true
    },
    tell(workspaceId, frame, except) {
      for (const sockets of workspaces.get(workspaceId)?.values() ?? [])
        for (const member of sockets) if (member !== except) member.deliver(frame)
    },
  }
}
