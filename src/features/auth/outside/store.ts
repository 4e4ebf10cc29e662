import type { WorkspaceRole } from '#contracts/index.ts'
import { sha256 } from '#lib/hash.ts'
import type { Database, Transaction } from '#store/index.ts'

/** Who somebody is at the provider. */
export interface Subject {
  issuer: string
  subject: string
}

export type LoginRow = NonNullable<Awaited<ReturnType<typeof findLogin>>>

function logins(database: Database) {
  return database.read
    .selectFrom('identities as i')
    .innerJoin('users as u', 'u.id', 'i.user_id')
    .select(['i.id', 'u.id as user_id', 'u.public_id as user_public_id'])
    .select(['u.disabled', 'u.tokens_valid_after', 'u.erased_at'])
}

export function findLogin(database: Database, { issuer, subject }: Subject) {
  return logins(database).where('i.issuer', '=', issuer).where('i.subject', '=', subject).executeTakeFirst()
}

export function findLoginById(database: Database, id: number): Promise<LoginRow | undefined> {
  return logins(database).where('i.id', '=', id).executeTakeFirst()
}

/** What is left of a login whose account was made anonymous: enough to refuse tokens that are older than that. */
export function erasedSubject({ issuer, subject }: Subject): string {
  return `erased:${sha256(JSON.stringify([issuer, subject]))}`
}

/** Violates uniqueness when somebody has this login already. */
export async function insertLogin(tx: Transaction, login: Subject & { userId: number; now: number }): Promise<void> {
  await tx.db
    .insertInto('identities')
    .values({ user_id: login.userId, issuer: login.issuer, subject: login.subject, created_at: login.now })
    .execute()
}

export function findMemberships(database: Database, userId: number, codes: string[]) {
  return database.read
    .selectFrom('workspaces as w')
    .leftJoin('memberships as m', (join) => join.onRef('m.workspace_id', '=', 'w.id').on('m.user_id', '=', userId))
    .select(['w.id', 'w.public_id', 'w.code', 'm.role'])
    .where('w.code', 'in', codes)
    .execute()
}

export async function findMembership(
  database: Database,
  userId: number,
  workspaceId: number,
): Promise<WorkspaceRole | undefined> {
  const row = await database.read
    .selectFrom('memberships')
    .select('role')
    .where('user_id', '=', userId)
    .where('workspace_id', '=', workspaceId)
    .executeTakeFirst()
  return row?.role
}

export async function isOnlyOwner(database: Database, workspaceId: number): Promise<boolean> {
  const { owners } = await database.read
    .selectFrom('memberships as m')
    .innerJoin('users as u', 'u.id', 'm.user_id')
    .select((eb) => eb.fn.countAll<number>().as('owners'))
    .where('m.workspace_id', '=', workspaceId)
    .where('m.role', '=', 'owner')
    .where('u.disabled', '=', 0)
    .executeTakeFirstOrThrow()
  return Number(owners) <= 1
}

/** Who owns what nobody made: the administrator of this server who has been there longest. */
export function findOperator(database: Database) {
  return database.read
    .selectFrom('users')
    .select(['id', 'public_id'])
    .where('is_admin', '=', 1)
    .where('disabled', '=', 0)
    .orderBy('id')
    .executeTakeFirst()
}

export function findAccount(database: Database, email: string) {
  return database.read
    .selectFrom('users')
    .select(['id', 'public_id', 'disabled'])
    .where('email', '=', email)
    .executeTakeFirst()
}
