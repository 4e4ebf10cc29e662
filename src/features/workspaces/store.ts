import { type Selectable, sql } from 'kysely'
import type { WorkspaceRole } from '#contracts/index.ts'
import type { Database, Transaction, WorkspacesTable } from '#store/index.ts'

export type WorkspaceRow = Selectable<WorkspacesTable>

/**
 * Adds a workspace with its first owner and returns the integer id. Without a `code` it is called by its id, which
 * nobody can have chosen.
 */
export async function insertWorkspace(
  tx: Transaction,
  workspace: { publicId: string; name: string; ownerId: number; now: number; code?: string },
): Promise<number> {
  const { id } = await tx.db
    .insertInto('workspaces')
    .values({
      public_id: workspace.publicId,
      name: workspace.name,
      code: workspace.code ?? workspace.publicId.replaceAll('-', ''),
      budget_micros: null,
      spent_micros: 0,
      reserved_micros: 0,
      created_at: workspace.now,
    })
    .returning('id')
    .executeTakeFirstOrThrow()
  await insertMembership(tx, { workspaceId: id, userId: workspace.ownerId, role: 'owner', now: workspace.now })
  return id
}

export async function insertMembership(
  tx: Transaction,
  member: { workspaceId: number; userId: number; role: WorkspaceRole; now: number },
): Promise<void> {
  await tx.db
    .insertInto('memberships')
    .values({
      workspace_id: member.workspaceId,
      user_id: member.userId,
      role: member.role,
      created_at: member.now,
    })
    .execute()
}

/** A user's workspaces, the first joined first. */
export function listMemberships(database: Database, userId: number) {
  return database.read
    .selectFrom('memberships as m')
    .innerJoin('workspaces as w', 'w.id', 'm.workspace_id')
    .selectAll('w')
    .select('m.role')
    .where('m.user_id', '=', userId)
    .orderBy('m.created_at')
    .orderBy('w.id')
    .execute()
}

export function findMembership(database: Database, userId: number, workspacePublicId: string) {
  return database.read
    .selectFrom('memberships as m')
    .innerJoin('workspaces as w', 'w.id', 'm.workspace_id')
    .selectAll('w')
    .select('m.role')
    .where('m.user_id', '=', userId)
    .where('w.public_id', '=', workspacePublicId)
    .executeTakeFirst()
}

export function listMembers(database: Database, workspaceId: number) {
  return database.read
    .selectFrom('memberships as m')
    .innerJoin('users as u', 'u.id', 'm.user_id')
    .select(['u.public_id', 'u.email', 'u.name', 'u.disabled', 'm.role', 'm.created_at'])
    .where('m.workspace_id', '=', workspaceId)
    .orderBy('m.created_at')
    .orderBy('u.id')
    .execute()
}

/** Violates uniqueness when the code is another's. */
export async function updateWorkspace(
  tx: Transaction,
  id: number,
  values: { name?: string; code?: string; retention_days?: number | null },
): Promise<void> {
  await tx.db.updateTable('workspaces').set(values).where('id', '=', id).execute()
}

/** Makes changes to one workspace's members wait for each other, also between processes. */
export async function lockMembers(tx: Transaction, workspaceId: number): Promise<void> {
  await tx.db
    .updateTable('workspaces')
    .set({ name: sql.ref('name') })
    .where('id', '=', workspaceId)
    .execute()
}

export async function roleIn(tx: Transaction, workspaceId: number, userId: number): Promise<WorkspaceRole | undefined> {
  const row = await tx.db
    .selectFrom('memberships')
    .select('role')
    .where('workspace_id', '=', workspaceId)
    .where('user_id', '=', userId)
    .executeTakeFirst()
  return row?.role
}

/** Owners who can act: a disabled one could not hand the workspace on. */
export async function countOwners(tx: Transaction, workspaceId: number): Promise<number> {
  const { owners } = await tx.db
    .selectFrom('memberships as m')
    .innerJoin('users as u', 'u.id', 'm.user_id')
    .select((eb) => eb.fn.countAll<number>().as('owners'))
    .where('m.workspace_id', '=', workspaceId)
    .where('m.role', '=', 'owner')
    .where('u.disabled', '=', 0)
    .executeTakeFirstOrThrow()
  return Number(owners)
}

export async function updateRole(
  tx: Transaction,
  workspaceId: number,
  userId: number,
  role: WorkspaceRole,
): Promise<void> {
  await tx.db
    .updateTable('memberships')
    .set({ role })
    .where('workspace_id', '=', workspaceId)
    .where('user_id', '=', userId)
    .execute()
}

/** Also revokes the user's keys of this workspace: they must not come back to life with a later membership. */
export async function deleteMembership(
  tx: Transaction,
  workspaceId: number,
  userId: number,
  now: number,
): Promise<void> {
  await tx.db.deleteFrom('memberships').where('workspace_id', '=', workspaceId).where('user_id', '=', userId).execute()
  await tx.db
    .updateTable('api_keys')
    .set({ revoked_at: now })
    .where('workspace_id', '=', workspaceId)
    .where('user_id', '=', userId)
    .where('revoked_at', 'is', null)
    .execute()
}
