import { type Selectable, sql } from 'kysely'
import type { ApiKeysTable, Database, Transaction } from '#store/index.ts'

export type KeyRow = Selectable<ApiKeysTable> & { workspace_public_id: string; user_public_id: string }

export interface NewKey {
  publicId: string
  workspaceId: number
  userId: number
  name: string
  description: string
  hash: string
  hint: string
  scopes: string
  rateLimit: number
  expiresAt: number | null
  now: number
}

export async function insertKey(tx: Transaction, key: NewKey): Promise<void> {
  await tx.db
    .insertInto('api_keys')
    .values({
      public_id: key.publicId,
      workspace_id: key.workspaceId,
      user_id: key.userId,
      name: key.name,
      description: key.description,
      key_hash: key.hash,
      hint: key.hint,
      scopes: key.scopes,
      rate_limit: key.rateLimit,
      expires_at: key.expiresAt,
      revoked_at: null,
      usage_count: 0,
      last_used_at: null,
      created_at: key.now,
    })
    .execute()
}

function selectLive(database: Database) {
  return database.read
    .selectFrom('api_keys as k')
    .innerJoin('workspaces as w', 'w.id', 'k.workspace_id')
    .innerJoin('users as u', 'u.id', 'k.user_id')
    .selectAll('k')
    .select(['w.public_id as workspace_public_id', 'u.public_id as user_public_id'])
    .where('k.revoked_at', 'is', null)
}

export function findKey(database: Database, by: { publicId: string } | { id: number }): Promise<KeyRow | undefined> {
  const query = selectLive(database)
  return (
    'id' in by ? query.where('k.id', '=', by.id) : query.where('k.public_id', '=', by.publicId)
  ).executeTakeFirst()
}

/** A workspace's keys, the newest first; of one user when `userId` is given. */
export function listKeyRows(database: Database, workspaceId: number, userId?: number): Promise<KeyRow[]> {
  const query = selectLive(database).where('k.workspace_id', '=', workspaceId).orderBy('k.id', 'desc')
  return (userId === undefined ? query : query.where('k.user_id', '=', userId)).execute()
}

/** Whether this secret was ever a key here, revoked ones included. */
export async function isKnownHash(tx: Transaction, hash: string): Promise<boolean> {
  const row = await tx.db.selectFrom('api_keys').select('id').where('key_hash', '=', hash).executeTakeFirst()
  return row !== undefined
}

export async function updateKey(
  tx: Transaction,
  id: number,
  values: { name?: string; description?: string; scopes?: string },
): Promise<void> {
  await tx.db.updateTable('api_keys').set(values).where('id', '=', id).execute()
}

export async function revokeKey(tx: Transaction, id: number, now: number): Promise<void> {
  await tx.db.updateTable('api_keys').set({ revoked_at: now }).where('id', '=', id).execute()
}

/**
 * Gives the row a new secret and keeps the old one as a revoked row, so that it stays known. False when the secret is
 * not `from` any more or the key was revoked meanwhile.
 */
export async function replaceSecret(
  tx: Transaction,
  key: KeyRow,
  to: { hash: string; hint: string; tombstoneId: string; now: number },
): Promise<boolean> {
  const result = await tx.db
    .updateTable('api_keys')
    .set({ key_hash: to.hash, hint: to.hint })
    .where('id', '=', key.id)
    .where('key_hash', '=', key.key_hash)
    .where('revoked_at', 'is', null)
    .executeTakeFirst()
  if (Number(result.numUpdatedRows) !== 1) return false
  await tx.db
    .insertInto('api_keys')
    .values({
      public_id: to.tombstoneId,
      workspace_id: key.workspace_id,
      user_id: key.user_id,
      name: key.name,
      description: key.description,
      key_hash: key.key_hash,
      hint: key.hint,
      scopes: key.scopes,
      rate_limit: key.rate_limit,
      expires_at: key.expires_at,
      revoked_at: to.now,
      usage_count: 0,
      last_used_at: null,
      created_at: key.created_at,
    })
    .execute()
  return true
}

/** Adds uses that were counted in memory. */
export async function addUses(tx: Transaction, keyId: number, uses: number, lastUsedAt: number): Promise<void> {
  await tx.db
    .updateTable('api_keys')
    .set({
      usage_count: sql<number>`usage_count + ${uses}`,
      last_used_at: sql<number>`case when last_used_at > ${lastUsedAt} then last_used_at else ${lastUsedAt} end`,
    })
    .where('id', '=', keyId)
    .execute()
}

/**
 * A key's turns since `since`, by door and status. `fromPublicId` bounds the search: public ids grow with time and are
 * indexed, `key_id` is not, because every turn would pay for that index.
 */
export function countTurns(database: Database, keyId: number, since: number, fromPublicId: string) {
  return database.read
    .selectFrom('turns')
    .select(['door', 'status'])
    .select((eb) => [
      eb.fn.countAll<number>().as('turns'),
      eb.fn.count<number>('ended_at').as('ended'),
      sql<number>`coalesce(sum(ended_at - created_at), 0)`.as('total_ms'),
    ])
    .where('public_id', '>=', fromPublicId)
    .where('key_id', '=', keyId)
    .where('created_at', '>=', since)
    .groupBy(['door', 'status'])
    .execute()
}
