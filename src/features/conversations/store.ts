import type { Message, Part } from '#contracts/index.ts'
import type { ErrorInfo } from '#errors/index.ts'
import { type Database, statement, type Transaction } from '#store/index.ts'

export interface ConversationRow {
  id: number
  publicId: string
  workspaceId: number
  userId: number
  appId: number | null
  appPublicId: string | null
  externalId: string | null
  title: string
  status: 'active' | 'completed' | 'archived'
  createdAt: number
  updatedAt: number
}

function rows(database: Database) {
  return database.read
    .selectFrom('conversations as c')
    .leftJoin('apps as a', 'a.id', 'c.app_id')
    .select([
      'c.id as id',
      'c.public_id as publicId',
      'c.workspace_id as workspaceId',
      'c.user_id as userId',
      'c.app_id as appId',
      'a.public_id as appPublicId',
      'c.external_id as externalId',
      'c.title as title',
      'c.status as status',
      'c.created_at as createdAt',
      'c.updated_at as updatedAt',
    ])
}

export function findByPublicId(database: Database, publicId: string): Promise<ConversationRow | undefined> {
  return rows(database).where('c.public_id', '=', publicId).executeTakeFirst()
}

/** Whose a caller's own name for a conversation is: another workspace, user or app may use the same one. */
export interface Namespace {
  workspaceId: number
  userId: number
  appId: number | null
}

export function findByExternalId(
  database: Database,
  { workspaceId, userId, appId }: Namespace,
  externalId: string,
): Promise<ConversationRow | undefined> {
  return rows(database)
    .where('c.workspace_id', '=', workspaceId)
    .where('c.user_id', '=', userId)
    .where((eb) => (appId === null ? eb('c.app_id', 'is', null) : eb('c.app_id', '=', appId)))
    .where('c.external_id', '=', externalId)
    .executeTakeFirst()
}

export interface ListFilter {
  workspaceId: number
  userId: number
  appId?: number
  status?: 'active' | 'completed' | 'archived'
  limit: number
  offset: number
}

export function listRows(database: Database, filter: ListFilter): Promise<ConversationRow[]> {
  return rows(database)
    .where('c.workspace_id', '=', filter.workspaceId)
    .where('c.user_id', '=', filter.userId)
    .$if(filter.appId !== undefined, (query) => query.where('c.app_id', '=', filter.appId!))
    .$if(filter.status !== undefined, (query) => query.where('c.status', '=', filter.status!))
    .orderBy('c.id', 'desc')
    .limit(filter.limit)
    .offset(filter.offset)
    .execute()
}

const insertConversation = statement<{
  publicId: string
  workspaceId: number
  userId: number
  appId: number | null
  externalId: string | null
  title: string
  status: string
  settings: string
  at: number
}>('insert-conversation', (db, p) =>
  db
    .insertInto('conversations')
    .values({
      public_id: p('publicId'),
      workspace_id: p('workspaceId'),
      user_id: p('userId'),
      app_id: p('appId'),
      external_id: p('externalId'),
      title: p('title'),
      status: p('status'),
      settings: p('settings'),
      created_at: p('at'),
      updated_at: p('at'),
    })
    .returning('id'),
)

export interface NewConversation {
  publicId: string
  workspaceId: number
  userId: number
  appId: number | null
  externalId: string | null
  title: string
  at: number
}

/** Writes the row and returns its key. A second one with the same external id is a unique violation. */
export async function insertRow(tx: Transaction, conversation: NewConversation): Promise<number> {
  const { rows } = await tx.run(insertConversation, { ...conversation, status: 'active', settings: '{}' })
  return rows[0]!.id as number
}

export interface TurnRecord {
  id: number
  publicId: string
  status: string
  /** No model was asked: a guardrail refused its messages, and what is kept of them is not what was said. */
  refused: boolean
  model: string
  messages: Message[]
  parts: Part[]
  createdAt: number
  endedAt: number | null
}

/** Ended turns of a conversation; `before` is a turn's key. Newest first. */
export async function turnRows(
  database: Database,
  conversationId: number,
  limit: number,
  before?: number,
): Promise<TurnRecord[]> {
  const found = await database.read
    .selectFrom('turns as t')
    .innerJoin('turn_inputs as i', 'i.turn_id', 't.id')
    .leftJoin('turn_outputs as o', 'o.turn_id', 't.id')
    .select([
      't.id',
      't.public_id',
      't.status',
      't.model',
      't.created_at',
      't.ended_at',
      't.error',
      'i.messages',
      'o.parts',
    ])
    .where('t.conversation_id', '=', conversationId)
    .$if(before !== undefined, (query) => query.where('t.id', '<', before!))
    .orderBy('t.id', 'desc')
    .limit(limit)
    .execute()
  return found.map((row) => ({
    id: row.id,
    publicId: row.public_id,
    status: row.status,
    refused: isRefused(row.error),
    model: row.model,
    messages: JSON.parse(row.messages) as Message[],
    parts: row.parts === null ? [] : (JSON.parse(row.parts) as Part[]),
    createdAt: row.created_at,
    endedAt: row.ended_at,
  }))
}

function isRefused(error: string | null): boolean {
  if (error === null) return false
  const { code, details } = JSON.parse(error) as ErrorInfo
  return code === 'content-blocked' && details?.where === 'input'
}
