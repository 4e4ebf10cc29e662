/**
 * Workspaces and who is in them with which role. A workspace the caller is not in does not exist for him. The last
 * owner cannot go, and nobody can raise himself.
 */
import { bind } from '#lib/bind.ts'
import { addMember, listMembersOf, type MembersDeps, removeMember, setRole } from './members.ts'
import { createWorkspace, getWorkspace, listWorkspaces, updateWorkspaceOf } from './workspaces.ts'

export { mayAdminister, mayGovern, refuseAppToken, requireAdminScope } from './policy.ts'
export { type Member, presentMember, presentWorkspace, type Workspace } from './present.ts'
export {
  countOwners,
  insertMembership,
  insertWorkspace,
  listMemberships,
  lockMembers,
  roleIn,
  updateRole,
} from './store.ts'
export { isWorkspaceCode, workspaceName } from './workspaces.ts'
export type { MembersDeps as WorkspacesDeps }

export type Workspaces = ReturnType<typeof workspaces>

export function workspaces(deps: MembersDeps) {
  return {
    create: bind(deps, createWorkspace),
    list: bind(deps, listWorkspaces),
    get: bind(deps, getWorkspace),
    update: bind(deps, updateWorkspaceOf),
    members: bind(deps, listMembersOf),
    addMember: bind(deps, addMember),
    setRole: bind(deps, setRole),
    removeMember: bind(deps, removeMember),
  }
}
