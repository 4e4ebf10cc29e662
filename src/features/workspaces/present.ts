import type { Ref, WorkspaceRole } from '#contracts/index.ts'
import type { WorkspaceRow } from './store.ts'

/** A workspace as one of its members sees it. */
export interface Workspace {
  ref: Ref
  name: string
  /** What clients and identity providers call it. */
  code: string
  /** The member's role. */
  role: WorkspaceRole
  createdAt: number
}

export interface Member {
  userId: string
  email: string
  name: string
  role: WorkspaceRole
  disabled: boolean
  joinedAt: number
}

export function toWorkspace(row: WorkspaceRow & { role: WorkspaceRole }): Workspace {
  return {
    ref: { id: row.id, publicId: row.public_id },
    name: row.name,
    code: row.code,
    role: row.role,
    createdAt: row.created_at,
  }
}

export function presentWorkspace(workspace: Workspace) {
  return {
    id: workspace.ref.publicId,
    name: workspace.name,
    code: workspace.code,
    role: workspace.role,
    created_at: new Date(workspace.createdAt).toISOString(),
  }
}

export function presentMember(member: Member) {
  return {
    user_id: member.userId,
    email: member.email,
    full_name: member.name,
    role: member.role,
    is_active: !member.disabled,
    joined_at: new Date(member.joinedAt).toISOString(),
  }
}
