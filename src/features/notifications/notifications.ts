import type { Principal } from '#contracts/index.ts'
import { AppError, invalid } from '#errors/index.ts'
import { isUuid } from '#lib/uuid.ts'
import type { Database, Transaction } from '#store/index.ts'
import type { NewNotification, Notification } from './notification.ts'
import { type Reader, readerOf, writerOf } from './policy.ts'
import { toNotification } from './present.ts'
import {
  countUnread,
  deleteOlder,
  deleteUpTo,
  findNotification,
  findOverfull,
  findVisible,
  holdOrder,
  insertNotifications,
  listBefore,
  listPending,
  mark,
  unreadIds,
} from './store.ts'

export interface NotificationsDeps {
  database: Database
  now(): number
  log: { warn(fields: object, message: string): void }
}

export interface NotificationPage {
  notifications: Notification[]
  /** In all, not of this page. */
  unread: number
  /** There are older ones. */
  more: boolean
}

/** Kept at most, for each user: the newest of them, and none older than this. */
const kept = { count: 1_000, ms: 90 * 86_400_000 }

/** Stores what is new and gives the users it is for. Nothing happens twice for one user and source. */
export async function addNotifications(
  deps: NotificationsDeps,
  tx: Transaction,
  drafts: NewNotification[],
): Promise<number[]> {
  if (drafts.length === 0) return []
  await holdOrder(tx, deps.database.dialect)
  return insertNotifications(tx, drafts, deps.now())
}

/**
 * What a socket still has to be sent: neither read nor acknowledged and after `after` (a `Notification.id`; 0: from the
 * beginning), the oldest first, at most `limit`. What is committed later is greater, so a reader who goes on from the
 * last it got misses nothing.
 */
export async function pendingFor(
  deps: NotificationsDeps,
  principal: Principal,
  after: number,
  limit: number,
): Promise<Notification[]> {
  return (await listPending(deps.database, readerOf(principal), after, limit)).map(toNotification)
}

/** The newest first; those before the one named `before`. Throws `invalid-request` when that is none of the caller's. */
export async function listNotifications(
  deps: NotificationsDeps,
  principal: Principal,
  page: { unread: boolean; limit: number; before?: string },
): Promise<NotificationPage> {
  const reader = readerOf(principal)
  const before = page.before === undefined ? undefined : await cursor(deps, reader, page.before)
  const rows = await listBefore(deps.database, reader, {
    unread: page.unread,
    limit: page.limit + 1,
    ...(before !== undefined && { before }),
  })
  return {
    notifications: rows.slice(0, page.limit).map(toNotification),
    unread: await countUnread(deps.database, reader),
    more: rows.length > page.limit,
  }
}

/** Throws `not-found`, also for somebody else's. */
export async function getNotification(
  deps: NotificationsDeps,
  principal: Principal,
  id: string,
): Promise<Notification> {
  const row = isUuid(id) ? await findNotification(deps.database, readerOf(principal), id.toLowerCase()) : undefined
  if (!row) throw new AppError('not-found', 'Notification not found')
  return toNotification(row)
}

/** Throws `not-found`. To read what was read changes nothing. */
export async function markRead(deps: NotificationsDeps, principal: Principal, id: string): Promise<Notification> {
  return markOne(deps, principal, 'read_at', id)
}

/** It was received: no socket is sent it again. Throws `not-found`. */
export async function acknowledge(deps: NotificationsDeps, principal: Principal, id: string): Promise<Notification> {
  return markOne(deps, principal, 'acknowledged_at', id)
}

async function markOne(
  deps: NotificationsDeps,
  principal: Principal,
  column: 'read_at' | 'acknowledged_at',
  id: string,
): Promise<Notification> {
  writerOf(principal)
  const found = await getNotification(deps, principal, id)
  await deps.database.write((tx) => mark(tx, column, [found.id], deps.now()))
  return getNotification(deps, principal, id)
}

/** Marks those of the ids that are the caller's and gives them; the others are left out without a word. */
export async function markEach(
  deps: NotificationsDeps,
  principal: Principal,
  column: 'read' | 'acknowledged',
  publicIds: string[],
): Promise<string[]> {
  const reader = writerOf(principal)
  const wanted = publicIds.filter(isUuid).map((id) => id.toLowerCase())
  const found = await findVisible(deps.database, reader, wanted)
  const ids = found.map((row) => row.id)
  if (ids.length > 0) await deps.database.write((tx) => mark(tx, `${column}_at`, ids, deps.now()))
  return found.map((row) => row.publicId)
}

/** Gives how many were unread. */
export async function markAllRead(deps: NotificationsDeps, principal: Principal): Promise<number> {
  const ids = await unreadIds(deps.database, writerOf(principal))
  return ids.length === 0 ? 0 : deps.database.write((tx) => mark(tx, 'read_at', ids, deps.now()))
}

/** Forgets what is old, and what is too much for one user. */
export async function pruneNotifications(deps: NotificationsDeps): Promise<void> {
  const before = deps.now() - kept.ms
  await deps.database.write((tx) => deleteOlder(tx, before))
  for (const { userId, upTo } of await findOverfull(deps.database, kept.count))
    await deps.database.write((tx) => deleteUpTo(tx, userId, upTo))
}

async function cursor(deps: NotificationsDeps, reader: Reader, id: string): Promise<number> {
  const row = isUuid(id) ? await findNotification(deps.database, reader, id.toLowerCase()) : undefined
  if (!row) throw invalid('before', 'before must be the id of one of your notifications')
  return row.id
}
