import { type ConversationSettings, type Message, type Principal, textOf } from '#contracts/index.ts'
import { AppError, invalid } from '#errors/index.ts'
import { isStorable } from '#lib/text.ts'
import { isUuid, uuidv7 } from '#lib/uuid.ts'
import { type Database, isUniqueViolation } from '#store/index.ts'
import { mayRead } from './policy.ts'
import {
  type ConversationRow,
  countRows,
  findByExternalId,
  findByPublicId,
  findNewest,
  insertClear,
  insertRow,
  listRows,
  type NewConversation,
  type Talk,
  talksOf,
  updateRow,
  updateSettings,
} from './store.ts'
import { type TurnRange, type TurnRecord, turnKey, turnRows } from './turn-records.ts'

const maxTitle = 120

export interface ConversationInput {
  appId: number | null
  /** The caller's own name for it. */
  externalId?: string
  title?: string
  objectId?: string
  externalUserId?: string
  settings?: ConversationSettings
}

/** Which of the principal's own. */
export interface OwnFilter {
  appId?: number
  status?: ConversationRow['status']
  /** Only among these keys. */
  ids?: readonly number[]
  limit: number
  offset: number
  order?: 'asc' | 'desc' | 'used'
}

export interface SurveyedRow extends ConversationRow {
  talk: Talk
}

export interface ConversationUpdate {
  title?: string
  status?: 'active' | 'archived'
  settings?: { model?: string | null; metadata?: Record<string, unknown> | null }
}

/** Which of a user's dealings with an app; null: no object, no user of the caller's. */
export interface About {
  appId: number
  objectId: string | null
  externalUserId: string | null
}

/** Conversations of all doors: Nadoo's sessions, NodeTool's threads, CoAI's conversations. */
export function conversations(deps: { database: Database; now: () => number }) {
  const { database, now } = deps

  /** By public id or, within one app, by the caller's own name for it. Undefined also when it is somebody else's. */
  async function find(principal: Principal, id: string, appId: number | null): Promise<ConversationRow | undefined> {
    if (!isStorable(id)) return undefined
    const named = { workspaceId: principal.workspace.id, userId: principal.user.id, appId }
    const own = await findByExternalId(database, named, id)
    const row = own ?? (await findByPublicId(database, id))
    return row && mayRead(principal, row) ? row : undefined
  }

  async function get(principal: Principal, id: string): Promise<ConversationRow> {
    const row = isUuid(id) ? await findByPublicId(database, id.toLowerCase()) : undefined
    if (!row || !mayRead(principal, row)) throw new AppError('not-found', 'Session not found')
    return row
  }

  /** A row to be written by `insertRow` in the transaction that needs it, or by `create` now. */
  function draft(principal: Principal, options: ConversationInput): NewConversation {
    if (options.externalId !== undefined && !isStorable(options.externalId))
      throw invalid('session_id', 'A session id must not contain NUL or broken characters')
    return {
      publicId: uuidv7(now()),
      workspaceId: principal.workspace.id,
      userId: principal.user.id,
      appId: options.appId,
      externalId: options.externalId ?? null,
      objectId: options.objectId ?? null,
      externalUserId: options.externalUserId ?? null,
      settings: options.settings ?? {},
      isVisitors: principal.app !== undefined,
      title: clipped(options.title ?? ''),
      at: now(),
    }
  }

  async function create(principal: Principal, options: ConversationInput): Promise<ConversationRow> {
    const row = draft(principal, options)
    try {
      await database.write((tx) => insertRow(tx, row))
    } catch (thrown) {
      // Two first messages of one session: the other one has made it.
      const made = isUniqueViolation(thrown) && row.externalId !== null
      if (!made) throw thrown
      return (await findByExternalId(database, row, row.externalId!))!
    }
    return (await findByPublicId(database, row.publicId))!
  }

  /**
   * The principal's newest open conversation about this. Visitors of a public app all act for its creator and must
   * not find each other's, so for them there is none.
   */
  async function findLast(principal: Principal, about: About): Promise<ConversationRow | undefined> {
    if (principal.app) return undefined
    const row = await findNewest(database, { ...about, userId: principal.user.id })
    return row && mayRead(principal, row) ? row : undefined
  }

  /**
   * Takes what the principal has said so far about this out of what models are shown; it can still be read. Null: about
   * anything, for anybody.
   */
  async function clear(principal: Principal, about: About): Promise<void> {
    await database.write((tx) => insertClear(tx, { ...about, userId: principal.user.id }, now()))
  }

  /** The principal's own, newest first unless `order` says otherwise. */
  function list(principal: Principal, filter: OwnFilter): Promise<ConversationRow[]> {
    return listRows(database, ownOf(principal, filter))
  }

  /** As `list`, with how many there are in all and what was said in each. */
  async function survey(principal: Principal, filter: OwnFilter): Promise<{ total: number; rows: SurveyedRow[] }> {
    if (filter.ids?.length === 0) return { total: 0, rows: [] }
    const own = ownOf(principal, filter)
    const rows = await listRows(database, own)
    return { total: await countRows(database, own), rows: await surveyed(rows) }
  }

  async function surveyed(rows: readonly ConversationRow[]): Promise<SurveyedRow[]> {
    const ids = rows.map((row) => row.id)
    const talks = await talksOf(database, ids)
    return rows.map((row) => ({ ...row, talk: talks.get(row.id) ?? { turns: 0, ended: 0, model: null } }))
  }

  function ownOf(principal: Principal, filter: OwnFilter) {
    const appId = principal.app?.id ?? filter.appId
    const own = { workspaceId: principal.workspace.id, userId: principal.user.id }
    return { ...filter, ...own, ...(appId !== undefined && { appId }) }
  }

  /** Changes what is given and leaves the rest; null takes a setting back. Throws `not-found`. */
  async function update(principal: Principal, id: string, change: ConversationUpdate): Promise<ConversationRow> {
    const row = await get(principal, id)
    const { title, status, settings } = change
    const values = {
      ...(title !== undefined && { title: clipped(title) }),
      ...(status !== undefined && { status }),
      updated_at: now(),
    }
    await database.write(async (tx) => {
      // From here to the commit the row is this transaction's, so no other change comes between reading and writing.
      const current = await updateRow(tx, row.id, values)
      if (settings === undefined) return
      const kept = Object.entries({ ...current, ...settings }).filter(([, value]) => value !== null)
      await updateSettings(tx, row.id, Object.fromEntries(kept))
    })
    return get(principal, id)
  }

  async function archive(principal: Principal, id: string): Promise<ConversationRow> {
    const row = await get(principal, id)
    const updatedAt = now()
    await database.write((tx) =>
      tx.db
        .updateTable('conversations')
        .set({ status: 'archived', updated_at: updatedAt })
        .where('id', '=', row.id)
        .execute(),
    )
    return { ...row, status: 'archived', updatedAt }
  }

  /** The newest `limit` turns of this range, oldest first. */
  async function turnsOf(conversationId: number, limit: number, range?: TurnRange): Promise<TurnRecord[]> {
    return limit === 0 ? [] : (await turnRows(database, conversationId, limit, range)).reverse()
  }

  /** A page of them back from the newest, or from the one that `before` names: by its own id or by that of one of its messages. */
  async function pageOf(conversationId: number, limit: number, before?: string): Promise<TurnRecord[]> {
    if (before === undefined) return turnsOf(conversationId, limit)
    const turnId = before.split(':')[0]!.toLowerCase()
    const key = isUuid(turnId) ? await turnKey(database, conversationId, turnId) : undefined
    if (key === undefined) throw invalid('before', 'before must be the id of a message of this session')
    return turnsOf(conversationId, limit, { before: key })
  }

  /** What a model is given of the conversation so far: its newest `turns` ended turns that were not cleared. */
  async function history(
    { id, clearedThrough }: Pick<ConversationRow, 'id' | 'clearedThrough'>,
    turns: number,
  ): Promise<Message[]> {
    const messages: Message[] = []
    for (const turn of await turnsOf(id, turns, { after: clearedThrough })) {
      if (turn.status === 'running' || turn.refused) continue
      messages.push(...turn.messages)
      if (turn.parts.length > 0) messages.push({ role: 'assistant', parts: turn.parts })
    }
    return messages
  }

  return {
    find,
    findLast,
    get,
    draft,
    create,
    list,
    survey,
    surveyed,
    update,
    archive,
    clear,
    turnsOf,
    pageOf,
    history,
  }
}

export type Conversations = ReturnType<typeof conversations>

/** A conversation is called after what was first said in it. */
export function titleFrom(messages: readonly Message[]): string {
  const first = messages.find((message) => message.role === 'user')
  return first ? clipped(textOf(first.parts)) : ''
}

function clipped(text: string): string {
  const line = text.toWellFormed().replaceAll('\0', '').replace(/\s+/g, ' ').trim()
  return line.length <= maxTitle ? line : `${line.slice(0, maxTitle - 1).toWellFormed()}…`
}
