import { sql } from 'kysely'
import { uuidv7 } from '#lib/uuid.ts'
import type { Database, Transaction } from '#store/index.ts'
import type { NewNotification } from './notification.ts'
import type { Reader } from './policy.ts'

/** Rows of one statement: ten values each, and SQLite binds at most 32,766. */
const insertAtOnce = 500

/** Any number, as long as it is always the same and no other lock's. */
const orderLock = 7_212_753_901

/**
 * From here to the commit nobody else inserts, so that ids are given in the order of commits and whoever has read up
 * to one has missed none before it. SQLite writes one transaction at a time anyhow.
 */
export async function holdOrder(tx: Transaction, dialect: Database['dialect']): Promise<void> {
  if (dialect === 'postgres') await sql`select pg_advisory_xact_lock(${sql.lit(orderLock)})`.execute(tx.db)
}

/** Leaves out what the user was told before; gives the users who are told something new. */
export async function insertNotifications(tx: Transaction, drafts: NewNotification[], now: number): Promise<number[]> {
  const told = new Set<number>()
  for (let at = 0; at < drafts.length; at += insertAtOnce) {
    const rows = await tx.db
      .insertInto('notifications')
      .values(drafts.slice(at, at + insertAtOnce).map((draft) => rowOf(draft, now)))
      .onConflict((conflict) => conflict.columns(['user_id', 'source']).doNothing())
      .returning('user_id')
      .execute()
    for (const row of rows) told.add(row.user_id)
  }
  return [...told]
}

function rowOf(draft: NewNotification, now: number) {
  return {
    public_id: uuidv7(now),
    user_id: draft.userId,
    workspace_id: draft.workspaceId,
    kind: draft.kind,
    source: draft.source,
    title: draft.title,
    body: draft.body,
    action_url: draft.actionUrl,
    data: JSON.stringify(draft.data),
    created_at: now,
    read_at: null,
    acknowledged_at: null,
  }
}

/** What the reader may see: of workspaces that the user is in now, and of the server. */
function visible(database: Database, reader: Reader) {
  return database.read
    .selectFrom('notifications as n')
    .where('n.user_id', '=', reader.userId)
    .where((eb) =>
      eb.or([
        eb('n.workspace_id', 'is', null),
        eb.exists(
          eb
            .selectFrom('memberships as m')
            .select('m.user_id')
            .whereRef('m.workspace_id', '=', 'n.workspace_id')
            .whereRef('m.user_id', '=', 'n.user_id'),
        ),
      ]),
    )
    .$if(reader.workspaceId !== undefined, (query) => query.where('n.workspace_id', '=', reader.workspaceId!))
}

function rowsOf(database: Database, reader: Reader) {
  return visible(database, reader)
    .leftJoin('workspaces as w', 'w.id', 'n.workspace_id')
    .selectAll('n')
    .select('w.public_id as workspace_public_id')
}

export type NotificationRow = Awaited<ReturnType<ReturnType<typeof rowsOf>['executeTakeFirstOrThrow']>>

/** Neither read nor acknowledged, after `after`, the oldest first. */
export function listPending(database: Database, reader: Reader, after: number, limit: number) {
  return rowsOf(database, reader)
    .where('n.id', '>', after)
    .where('n.read_at', 'is', null)
    .where('n.acknowledged_at', 'is', null)
    .orderBy('n.id')
    .limit(limit)
    .execute()
}

/** The newest first. */
export function listBefore(
  database: Database,
  reader: Reader,
  page: { unread: boolean; before?: number; limit: number },
) {
  return rowsOf(database, reader)
    .$if(page.unread, (query) => query.where('n.read_at', 'is', null))
    .$if(page.before !== undefined, (query) => query.where('n.id', '<', page.before!))
    .orderBy('n.id', 'desc')
    .limit(page.limit)
    .execute()
}

export async function countUnread(database: Database, reader: Reader): Promise<number> {
  const { unread } = await visible(database, reader)
    .select((eb) => eb.fn.countAll<number>().as('unread'))
    .where('n.read_at', 'is', null)
    .executeTakeFirstOrThrow()
  return Number(unread)
}

export function findNotification(database: Database, reader: Reader, publicId: string) {
  return rowsOf(database, reader).where('n.public_id', '=', publicId).executeTakeFirst()
}

/** Those of these that the reader may see. */
export async function findVisible(
  database: Database,
  reader: Reader,
  publicIds: string[],
): Promise<{ id: number; publicId: string }[]> {
  if (publicIds.length === 0) return []
  return visible(database, reader)
    .select(['n.id', 'n.public_id as publicId'])
    .where('n.public_id', 'in', publicIds)
    .orderBy('n.id')
    .execute()
}

export async function unreadIds(database: Database, reader: Reader): Promise<number[]> {
  const rows = await visible(database, reader).select('n.id').where('n.read_at', 'is', null).execute()
  return rows.map((row) => row.id)
}

/** Marks what is not marked yet; gives how many. */
export async function mark(
  tx: Transaction,
  column: 'read_at' | 'acknowledged_at',
  ids: number[],
  now: number,
): Promise<number> {
  let marked = 0
  for (let at = 0; at < ids.length; at += insertAtOnce) {
    const { numUpdatedRows } = await tx.db
      .updateTable('notifications')
      .set({ [column]: now })
      .where('id', 'in', ids.slice(at, at + insertAtOnce))
      .where(column, 'is', null)
      .executeTakeFirst()
    marked += Number(numUpdatedRows)
  }
  return marked
}

/** Forgets what is older than `before`. */
export async function deleteOlder(tx: Transaction, before: number): Promise<void> {
  await tx.db.deleteFrom('notifications').where('created_at', '<', before).execute()
}

/** Users who have more than `most`, with the key of the newest that is too many. */
export async function findOverfull(database: Database, most: number): Promise<{ userId: number; upTo: number }[]> {
  const rows = await database.read
    .selectFrom('notifications as n')
    .select((eb) => [
      'n.user_id as userId',
      eb
        .selectFrom('notifications as o')
        .select('o.id')
        .whereRef('o.user_id', '=', 'n.user_id')
        .orderBy('o.id', 'desc')
        .offset(most)
        .limit(1)
        .as('upTo'),
    ])
    .groupBy('n.user_id')
    .having((eb) => eb.fn.countAll(), '>', most)
    .execute()
  return rows.map(({ userId, upTo }) => ({ userId, upTo: upTo! }))
}

export async function deleteUpTo(tx: Transaction, userId: number, upTo: number): Promise<void> {
  await tx.db.deleteFrom('notifications').where('user_id', '=', userId).where('id', '<=', upTo).execute()
}

/** The users of what came after `after`, in order, with its key. */
export function listNewest(database: Database, after: number, limit: number) {
  return database.read
    .selectFrom('notifications')
    .select(['id', 'user_id as userId'])
    .where('id', '>', after)
    .orderBy('id')
    .limit(limit)
    .execute()
}

export async function newestId(database: Database): Promise<number> {
  const { newest } = await database.read
    .selectFrom('notifications')
    .select((eb) => eb.fn.max('id').as('newest'))
    .executeTakeFirstOrThrow()
  return newest ?? 0
}
