import { type Selectable, sql } from 'kysely'
import type { UserRegistered } from '#contracts/index.ts'
import type { Database, Transaction, UsersTable } from '#store/index.ts'

export type UserRow = Selectable<UsersTable>

export interface NewUser {
  publicId: string
  email: string
  name: string
  passwordHash: string
  isAdmin: boolean
  now: number
}

/** Adds a user, tells webhooks of it and returns the integer id. Violates uniqueness when the email is taken. */
export async function insertUser(tx: Transaction, user: NewUser): Promise<number> {
  const { id, listened } = await tx.db
    .insertInto('users')
    .values({
      public_id: user.publicId,
      email: user.email,
      name: user.name,
      password_hash: user.passwordHash,
      is_admin: user.isAdmin ? 1 : 0,
      disabled: 0,
      tokens_valid_after: 0,
      created_at: user.now,
      updated_at: user.now,
    })
    .returning([
      'id',
      sql<number | boolean>`exists (select 1 from webhooks where server_wide = 1 and enabled = 1)`.as('listened'),
    ])
    .executeTakeFirstOrThrow()
  if (listened) tx.tell({ type: 'user-registered', user: id, at: user.now } satisfies UserRegistered)
  return id
}

export function findUserBy(
  database: Database,
  column: 'id' | 'public_id' | 'email',
  value: string | number,
): Promise<UserRow | undefined> {
  return database.read.selectFrom('users').selectAll().where(column, '=', value).executeTakeFirst()
}

export async function updateUser(
  tx: Transaction,
  id: number,
  values: { name?: string; email?: string; disabled?: number; updated_at: number },
): Promise<void> {
  await tx.db.updateTable('users').set(values).where('id', '=', id).execute()
}

/** Voids everything issued before `now`: sessions are revoked, tokens outlive no session. */
export async function voidSessions(tx: Transaction, userId: number, now: number): Promise<void> {
  await tx.db.updateTable('users').set({ tokens_valid_after: now }).where('id', '=', userId).execute()
  await tx.db
    .updateTable('sessions')
    .set({ revoked_at: now })
    .where('user_id', '=', userId)
    .where('revoked_at', 'is', null)
    .execute()
}

/** Replaces the password if it is still the one that was verified; false when another change came first. */
export async function replacePassword(
  tx: Transaction,
  userId: number,
  change: { from: string; to: string; now: number },
): Promise<boolean> {
  const result = await tx.db
    .updateTable('users')
    .set({ password_hash: change.to, updated_at: change.now })
    .where('id', '=', userId)
    .where('password_hash', '=', change.from)
    .executeTakeFirst()
  return Number(result.numUpdatedRows) === 1
}
