import type { Principal } from '#contracts/index.ts'
import { AppError } from '#errors/index.ts'
import type { Signal } from '#lib/signal.ts'
import { plainText } from '#lib/text.ts'
import { isUuid, uuidv7 } from '#lib/uuid.ts'
import type { Database } from '#store/index.ts'
import { refuseAppToken, requireAdminScope } from './policy.ts'
import { toWorkspace, type Workspace } from './present.ts'
import { findMembership, insertWorkspace, listMemberships } from './store.ts'

export interface WorkspacesDeps {
  database: Database
  now(): number
  /** Fired when what somebody may do has changed. */
  accessChanged: Signal
}

/** Makes the caller the owner of a new workspace. Not for keys: those belong to one workspace. */
export async function createWorkspace(
  deps: WorkspacesDeps,
  principal: Principal,
  input: { name: string },
): Promise<Workspace> {
  requireAdminScope(principal)
  if (principal.key) throw new AppError('forbidden', 'Log in to create a workspace; a key belongs to one already')
  const now = deps.now()
  const workspace = { publicId: uuidv7(now), name: workspaceName(input.name), ownerId: principal.user.id, now }
  await deps.database.write((tx) => insertWorkspace(tx, workspace)).finally(() => deps.accessChanged.fire())
  return getWorkspace(deps, principal, workspace.publicId)
}

export function workspaceName(name: string): string {
  return plainText('name', name, 200)
}

/** The workspaces the caller can act in: all of a person's, the one of a key. */
export async function listWorkspaces(deps: WorkspacesDeps, principal: Principal): Promise<Workspace[]> {
  refuseAppToken(principal)
  const all = (await listMemberships(deps.database, principal.user.id)).map(toWorkspace)
  return principal.key ? all.filter((workspace) => workspace.ref.id === principal.workspace.id) : all
}

/** Throws `not-found` unless the caller can act in it. */
export async function getWorkspace(deps: WorkspacesDeps, principal: Principal, publicId: string): Promise<Workspace> {
  refuseAppToken(principal)
  const elsewhere = principal.key !== undefined && publicId !== principal.workspace.publicId
  const row =
    isUuid(publicId) && !elsewhere ? await findMembership(deps.database, principal.user.id, publicId) : undefined
  if (!row) throw new AppError('not-found', 'Workspace not found')
  return toWorkspace(row)
}
