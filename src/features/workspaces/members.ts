import type { MemberChanged, Principal, WorkspaceRole } from '#contracts/index.ts'
import { AppError, invalid } from '#errors/index.ts'
import type { User, Users } from '#features/users/index.ts'
import { isUniqueViolation, type Transaction } from '#store/index.ts'
import { mayGovern, requireAdminScope } from './policy.ts'
import type { Member, Workspace } from './present.ts'
import {
  countOwners,
  deleteMembership,
  insertMembership,
  listMembers,
  lockMembers,
  roleIn,
  updateRole,
} from './store.ts'
import { getWorkspace, type WorkspacesDeps } from './workspaces.ts'

export interface MembersDeps extends WorkspacesDeps {
  users: Pick<Users, 'find' | 'isServerAdmin'>
}

const roles: readonly string[] = ['owner', 'admin', 'member']

/** Every member may see who the others are. */
export async function listMembersOf(deps: MembersDeps, principal: Principal, workspaceId: string): Promise<Member[]> {
  const workspace = await getWorkspace(deps, principal, workspaceId)
  const rows = await listMembers(deps.database, workspace.ref.id)
  return rows.map((row) => ({
    userId: row.public_id,
    email: row.email,
    name: row.name,
    role: row.role,
    disabled: row.disabled === 1,
    joinedAt: row.created_at,
  }))
}

/** Throws `conflict` for somebody who is a member already: roles are changed by `setRole`. */
export async function addMember(
  deps: MembersDeps,
  principal: Principal,
  workspaceId: string,
  input: { user: { publicId: string } | { email: string }; role: string },
): Promise<Member> {
  const role = readRole(input.role)
  const workspace = await governable(deps, principal, workspaceId)
  if (!mayGovern(workspace.role, role)) throw refused()
  const user = await deps.users.find(input.user)
  if (!user || user.disabled) throw new AppError('not-found', 'User not found')
  const now = deps.now()
  await change(deps, principal, workspace, async (tx, actor) => {
    if (!mayGovern(actor, role)) throw refused()
    await insertMembership(tx, { workspaceId: workspace.ref.id, userId: user.id, role, now })
    tx.tell(changed('added', principal, workspace, user, role, now))
  }).catch((thrown) => {
    if (!isUniqueViolation(thrown)) throw thrown
    throw new AppError('conflict', 'This user is a member already')
  })
  return { ...described(user), role, joinedAt: now }
}

/** Throws `forbidden` for who may not, and `conflict` when the workspace would be left without an owner. */
export async function setRole(
  deps: MembersDeps,
  principal: Principal,
  workspaceId: string,
  userId: string,
  newRole: string,
): Promise<Member> {
  const role = readRole(newRole)
  const workspace = await governable(deps, principal, workspaceId)
  const user = await memberUser(deps, userId)
  const now = deps.now()
  await change(deps, principal, workspace, async (tx, actor) => {
    const current = await roleIn(tx, workspace.ref.id, user.id)
    if (!current) throw notMember()
    if (!mayGovern(actor, current) || !mayGovern(actor, role)) throw refused()
    await updateRole(tx, workspace.ref.id, user.id, role)
    await requireOwner(tx, workspace)
    if (role !== current) tx.tell(changed('role', principal, workspace, user, role, now))
  })
  const member = (await listMembersOf(deps, principal, workspaceId)).find((one) => one.userId === userId)
  if (!member) throw notMember()
  return member
}

/** Everybody may leave; others are removed by who may govern them. The last owner stays. */
export async function removeMember(
  deps: MembersDeps,
  principal: Principal,
  workspaceId: string,
  userId: string,
): Promise<void> {
  requireAdminScope(principal)
  const workspace = await getWorkspace(deps, principal, workspaceId)
  const leaving = userId === principal.user.publicId
  if (!leaving && !mayGovern(workspace.role, 'member')) throw refused()
  const user = await memberUser(deps, userId)
  const now = deps.now()
  await change(deps, principal, workspace, async (tx, actor) => {
    const current = await roleIn(tx, workspace.ref.id, user.id)
    if (!current) throw notMember()
    if (!leaving && !mayGovern(actor, current)) throw refused()
    await deleteMembership(tx, workspace.ref.id, user.id, now)
    await requireOwner(tx, workspace)
    tx.tell(changed('removed', principal, workspace, user, current, now))
  })
}

/** The actor's role is read again under the lock: two who demote each other must not both succeed. */
function change(
  deps: MembersDeps,
  principal: Principal,
  workspace: Workspace,
  work: (tx: Transaction, actor: WorkspaceRole) => Promise<void>,
): Promise<void> {
  return deps.database
    .write(async (tx) => {
      await lockMembers(tx, workspace.ref.id)
      const actor = await roleIn(tx, workspace.ref.id, principal.user.id)
      if (!actor) throw new AppError('not-found', 'Workspace not found')
      await work(tx, actor)
    })
    .finally(() => deps.accessChanged.fire())
}

function changed(
  change: MemberChanged['change'],
  principal: Principal,
  workspace: Workspace,
  user: User,
  role: WorkspaceRole,
  at: number,
): MemberChanged {
  const member = { id: user.id, publicId: user.publicId }
  return { type: 'member-changed', change, workspace: workspace.ref, member, role, actor: principal.user, at }
}

/** The workspace, if the caller may change anything about its members at all. */
async function governable(deps: MembersDeps, principal: Principal, workspaceId: string): Promise<Workspace> {
  requireAdminScope(principal)
  const workspace = await getWorkspace(deps, principal, workspaceId)
  if (!mayGovern(workspace.role, 'member')) throw refused()
  return workspace
}

async function requireOwner(tx: Transaction, workspace: Workspace): Promise<void> {
  if ((await countOwners(tx, workspace.ref.id)) > 0) return
  throw new AppError('conflict', 'A workspace needs an owner: make somebody else an owner first')
}

async function memberUser(deps: MembersDeps, userId: string): Promise<User> {
  const user = await deps.users.find({ publicId: userId })
  if (!user) throw notMember()
  return user
}

function described(user: User) {
  return { userId: user.publicId, email: user.email, name: user.name, disabled: user.disabled }
}

function readRole(role: string): WorkspaceRole {
  if (!roles.includes(role)) throw invalid('role', `'role' must be one of ${roles.join(', ')}`)
  return role as WorkspaceRole
}

function refused(): AppError {
  return new AppError('forbidden', 'Your role in this workspace does not allow this')
}

function notMember(): AppError {
  return new AppError('not-found', 'Member not found')
}
