import { AppError } from '#errors/index.ts'
import { erasedSubject } from '#features/auth/index.ts'
import type { Transaction } from '#store/index.ts'
import { abandonedDays } from './stores/workspaces.ts'

/**
 * Takes the person out of an account: name, address, password, logins elsewhere, memberships. What is left is a number
 * that usage belongs to. Workspaces in which nobody else is are given up with it. Throws `conflict` when somebody else
 * must take over first, or a hold covers what is his: then who said it must stay known.
 */
export async function anonymise(tx: Transaction, user: { id: number; publicId: string }, now: number): Promise<void> {
  await requireReplaceable(tx, user.id)
  await requireFree(tx, user.id)
  const alone = await workspacesOfOne(tx, user.id)
  if (alone.length > 0)
    await tx.db.updateTable('workspaces').set({ retention_days: abandonedDays }).where('id', 'in', alone).execute()
  await tx.db.deleteFrom('memberships').where('user_id', '=', user.id).execute()
  const logins = await tx.db
    .selectFrom('identities')
    .select(['id', 'issuer', 'subject'])
    .where('user_id', '=', user.id)
    .execute()
  for (const { id, issuer, subject } of logins) {
    const erased = erasedSubject({ issuer, subject })
    // Of somebody who came back and goes again.
    await tx.db.deleteFrom('identities').where('issuer', '=', issuer).where('subject', '=', erased).execute()
    await tx.db.updateTable('identities').set({ subject: erased }).where('id', '=', id).execute()
  }
  await tx.db
    .updateTable('users')
    .set({
      email: `${user.publicId}@erased.invalid`,
      name: 'Erased user',
      password_hash: '',
      is_admin: 0,
      disabled: 1,
      updated_at: now,
      erased_at: now,
    })
    .where('id', '=', user.id)
    .execute()
}

async function requireReplaceable(tx: Transaction, userId: number): Promise<void> {
  const owned = await tx.db
    .selectFrom('memberships as m')
    .innerJoin('workspaces as w', 'w.id', 'm.workspace_id')
    .select(['w.id', 'w.name'])
    .where('m.user_id', '=', userId)
    .where('m.role', '=', 'owner')
    .where(({ exists, selectFrom }) =>
      exists(
        selectFrom('memberships as o')
          .select('o.user_id')
          .whereRef('o.workspace_id', '=', 'm.workspace_id')
          .where('o.user_id', '!=', userId),
      ),
    )
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('memberships as o')
            .innerJoin('users as u', 'u.id', 'o.user_id')
            .select('o.user_id')
            .whereRef('o.workspace_id', '=', 'm.workspace_id')
            .where('o.role', '=', 'owner')
            .where('u.disabled', '=', 0)
            .where('o.user_id', '!=', userId),
        ),
      ),
    )
    .executeTakeFirst()
  if (owned) throw new AppError('conflict', `Make somebody else an owner of the workspace "${owned.name}" first`)
  const admins = await tx.db
    .selectFrom('users')
    .select('id')
    .where('is_admin', '=', 1)
    .where('disabled', '=', 0)
    .limit(2)
    .execute()
  if (admins.length === 1 && admins[0]!.id === userId)
    throw new AppError('conflict', 'This is the last administrator of the server')
}

/** Holds on workspaces and apps where he is, and on conversations of his. */
async function requireFree(tx: Transaction, userId: number): Promise<void> {
  const held = await tx.db
    .selectFrom('legal_holds as h')
    .leftJoin('conversations as c', 'c.id', 'h.conversation_id')
    .select('h.id')
    .where('h.lifted_at', 'is', null)
    .where((eb) =>
      eb.or([
        eb('c.user_id', '=', userId),
        eb.and([
          eb('h.conversation_id', 'is', null),
          eb.exists(
            eb
              .selectFrom('memberships as m')
              .select('m.user_id')
              .whereRef('m.workspace_id', '=', 'h.workspace_id')
              .where('m.user_id', '=', userId),
          ),
        ]),
      ]),
    )
    .limit(1)
    .executeTakeFirst()
  if (held)
    throw new AppError('conflict', 'A legal hold covers text of this account, so it cannot be made anonymous now')
}

async function workspacesOfOne(tx: Transaction, userId: number): Promise<number[]> {
  const rows = await tx.db
    .selectFrom('memberships as m')
    .select('m.workspace_id')
    .where('m.user_id', '=', userId)
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('memberships as o')
            .select('o.user_id')
            .whereRef('o.workspace_id', '=', 'm.workspace_id')
            .where('o.user_id', '!=', userId),
        ),
      ),
    )
    .execute()
  return rows.map((row) => row.workspace_id)
}
