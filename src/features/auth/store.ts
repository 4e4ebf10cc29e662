import { sql } from 'kysely'
import type { Database, Transaction } from '#store/index.ts'

export type KeyAuthority = NonNullable<Awaited<ReturnType<typeof findKeyAuthority>>>
export type SessionAuthority = NonNullable<Awaited<ReturnType<typeof findSessionAuthority>>>

/** A key with whom it acts for; absent when its owner is not in its workspace any more. */
export function findKeyAuthority(database: Database, by: { hash: string } | { id: number } | { publicId: string }) {
  const query = database.read
    .selectFrom('api_keys as k')
    .innerJoin('users as u', 'u.id', 'k.user_id')
    .innerJoin('workspaces as w', 'w.id', 'k.workspace_id')
    .innerJoin('memberships as m', (join) =>
      join.onRef('m.user_id', '=', 'k.user_id').onRef('m.workspace_id', '=', 'k.workspace_id'),
    )
    .select(['k.id', 'k.public_id', 'k.key_hash', 'k.scopes', 'k.rate_limit', 'k.expires_at', 'k.revoked_at'])
    .select(['m.role', 'u.disabled'])
    .select(['u.id as user_id', 'u.public_id as user_public_id'])
    .select(['w.id as workspace_id', 'w.public_id as workspace_public_id'])
  if ('hash' in by) return query.where('k.key_hash', '=', by.hash).executeTakeFirst()
  if ('id' in by) return query.where('k.id', '=', by.id).executeTakeFirst()
  return query.where('k.public_id', '=', by.publicId).executeTakeFirst()
}

export function findSessionAuthority(database: Database, publicId: string) {
  return database.read
    .selectFrom('sessions as s')
    .innerJoin('users as u', 'u.id', 's.user_id')
    .select(['s.id', 's.public_id', 's.expires_at', 's.revoked_at', 's.created_at'])
    .select(['u.id as user_id', 'u.public_id as user_public_id', 'u.disabled', 'u.tokens_valid_after'])
    .where('s.public_id', '=', publicId)
    .executeTakeFirst()
}

export function findAppAuthority(database: Database, appId: number) {
  return database.read
    .selectFrom('apps as a')
    .innerJoin('users as u', 'u.id', 'a.created_by')
    .select(['a.enabled', 'a.access_token', 'u.disabled'])
    .where('a.id', '=', appId)
    .executeTakeFirst()
}

export interface NewSession {
  publicId: string
  userId: number
  tokenHash: string
  expiresAt: number
  now: number
}

/**
 * Opens a session if the password verified is still the user's, who is held until the commit: a password change either
 * sees the session and revokes it, or makes this fail. Returns whether it did.
 */
export async function openSession(tx: Transaction, session: NewSession, passwordHash: string): Promise<boolean> {
  const held = await tx.db
    .updateTable('users')
    .set({ updated_at: sql.ref('updated_at') })
    .where('id', '=', session.userId)
    .where('password_hash', '=', passwordHash)
    .where('disabled', '=', 0)
    .returning('tokens_valid_after')
    .executeTakeFirst()
  if (!held) return false
  await tx.db
    .insertInto('sessions')
    .values({
      public_id: session.publicId,
      user_id: session.userId,
      token_hash: session.tokenHash,
      previous_hash: null,
      expires_at: session.expiresAt,
      revoked_at: null,
      // What was voided by a clock that was ahead was voided before this all the same.
      created_at: Math.max(session.now, held.tokens_valid_after),
    })
    .execute()
  return true
}

export type Rotation = { outcome: 'rotated'; sessionId: string; userId: string } | { outcome: 'refused' | 'reused' }

/** Exchanges a refresh token. One that was exchanged before ends its session: whoever else holds it is out too. */
export async function rotateSession(
  tx: Transaction,
  change: { from: string; to: string; expiresAt: number; now: number },
): Promise<Rotation> {
  const session = await tx.db
    .selectFrom('sessions as s')
    .innerJoin('users as u', 'u.id', 's.user_id')
    .select(['s.id', 's.public_id', 's.expires_at', 's.revoked_at', 's.created_at'])
    .select(['u.public_id as user_public_id', 'u.disabled', 'u.tokens_valid_after'])
    .where('s.token_hash', '=', change.from)
    .executeTakeFirst()
  if (session && !isLive(session, change.now)) return { outcome: 'refused' }
  if (session) {
    const result = await tx.db
      .updateTable('sessions')
      .set({ token_hash: change.to, previous_hash: change.from, expires_at: change.expiresAt })
      .where('id', '=', session.id)
      .where('token_hash', '=', change.from)
      .where('revoked_at', 'is', null)
      .executeTakeFirst()
    if (Number(result.numUpdatedRows) === 1)
      return { outcome: 'rotated', sessionId: session.public_id, userId: session.user_public_id }
  }
  const stolen = await tx.db
    .updateTable('sessions')
    .set({ revoked_at: change.now })
    .where('previous_hash', '=', change.from)
    .where('revoked_at', 'is', null)
    .executeTakeFirst()
  return { outcome: Number(stolen.numUpdatedRows) > 0 ? 'reused' : 'refused' }
}

export function isLive(
  session: {
    expires_at: number
    revoked_at: number | null
    created_at: number
    disabled: number
    tokens_valid_after: number
  },
  now: number,
): boolean {
  return (
    session.revoked_at === null &&
    session.expires_at > now &&
    session.disabled === 0 &&
    session.created_at >= session.tokens_valid_after
  )
}

export async function revokeSession(tx: Transaction, id: number, now: number): Promise<void> {
  await tx.db.updateTable('sessions').set({ revoked_at: now }).where('id', '=', id).execute()
}

/** What was left of logins whose accounts were made anonymous before `before`. */
export async function deleteErasedLogins(tx: Transaction, before: number): Promise<void> {
  await tx.db
    .deleteFrom('identities')
    .where('user_id', 'in', (eb) => eb.selectFrom('users').select('id').where('erased_at', '<', before))
    .execute()
}

/** Sessions that could not be used since `before`. */
export async function deleteSessions(tx: Transaction, before: number): Promise<void> {
  await tx.db.deleteFrom('sessions').where('expires_at', '<', before).execute()
}
