import { isBound, type Principal } from '#contracts/index.ts'
import { AppError, invalid } from '#errors/index.ts'
import type { Signal } from '#lib/signal.ts'
import { plainText } from '#lib/text.ts'
import { isUuid, uuidv7 } from '#lib/uuid.ts'
import { type Database, isUniqueViolation } from '#store/index.ts'
import { mayAdminister, refuseAppToken, requireAdminScope } from './policy.ts'
import { toWorkspace, type Workspace } from './present.ts'
import { findMembership, insertWorkspace, listMemberships, updateWorkspace } from './store.ts'

export interface WorkspacesDeps {
  database: Database
  now(): number
  /** Fired when what somebody may do has changed. */
  accessChanged: Signal
}

/** Makes the caller the owner of a new workspace. Not for keys and tokens that belong to one workspace. */
export async function createWorkspace(
  deps: WorkspacesDeps,
  principal: Principal,
  input: { name: string },
): Promise<Workspace> {
  requireAdminScope(principal)
  if (isBound(principal))
    throw new AppError('forbidden', 'Log in to create a workspace; this credential belongs to one already')
  const now = deps.now()
  const workspace = { publicId: uuidv7(now), name: workspaceName(input.name), ownerId: principal.user.id, now }
  await deps.database.write((tx) => insertWorkspace(tx, workspace)).finally(() => deps.accessChanged.fire())
  return getWorkspace(deps, principal, workspace.publicId)
}

export function workspaceName(name: string): string {
  return plainText('name', name, 200)
}

export type WorkspaceChangeInput = { name?: string; code?: string }

/**
 * Changes name or code. The code decides who comes in from an identity provider, so that only an administrator of the server
 * gives it: somebody else could wait under another's name. Throws `conflict` when it is taken.
 */
export async function updateWorkspaceOf(
  deps: WorkspacesDeps & { users: { isServerAdmin(userId: number): Promise<boolean> } },
  principal: Principal,
  publicId: string,
  change: WorkspaceChangeInput,
): Promise<Workspace> {
  requireAdminScope(principal)
  const workspace = await getWorkspace(deps, principal, publicId)
  if (!mayAdminister(workspace.role)) throw new AppError('forbidden', 'Your role in this workspace does not allow this')
  if (change.code !== undefined && !(await deps.users.isServerAdmin(principal.user.id)))
    throw new AppError('forbidden', 'Only an administrator of this server gives a workspace its code')
  const code = change.code?.trim().toLowerCase()
  if (code !== undefined && !isWorkspaceCode(code))
    throw invalid(
      'code',
      "'code' must have at most 63 letters, digits, '.', '_' or '-', and begin with a letter or digit",
    )
  const values = {
    ...(change.name !== undefined && { name: workspaceName(change.name) }),
    ...(code !== undefined && { code }),
  }
  if (Object.keys(values).length > 0)
    await deps.database
      .write((tx) => updateWorkspace(tx, workspace.ref.id, values))
      .catch((thrown) => {
        if (!isUniqueViolation(thrown)) throw thrown
        throw new AppError('conflict', 'Another workspace has this code', { details: { field: 'code' } })
      })
  deps.accessChanged.fire()
  return getWorkspace(deps, principal, publicId)
}

const codeShape = /^[a-z0-9][a-z0-9._-]{0,62}$/

export function isWorkspaceCode(text: string): boolean {
  return codeShape.test(text)
}

/** The workspaces the caller can act in: all of a person's, the one of a key or a token bound to it. */
export async function listWorkspaces(deps: WorkspacesDeps, principal: Principal): Promise<Workspace[]> {
  refuseAppToken(principal)
  const all = (await listMemberships(deps.database, principal.user.id)).map(toWorkspace)
  return isBound(principal) ? all.filter((workspace) => workspace.ref.id === principal.workspace.id) : all
}

/** Throws `not-found` unless the caller can act in it. */
export async function getWorkspace(deps: WorkspacesDeps, principal: Principal, publicId: string): Promise<Workspace> {
  refuseAppToken(principal)
  const elsewhere = isBound(principal) && publicId !== principal.workspace.publicId
  const row =
    isUuid(publicId) && !elsewhere ? await findMembership(deps.database, principal.user.id, publicId) : undefined
  if (!row) throw new AppError('not-found', 'Workspace not found')
  return toWorkspace(row)
}
