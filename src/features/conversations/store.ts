import { sql } from 'kysely'
import type { ConversationCreated, ConversationSettings } from '#contracts/index.ts'
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
  settings: ConversationSettings
  objectId: string | null
  externalUserId: string | null
  /** What was said up to this turn key has been cleared: no model is shown it any more. */
  clearedThrough: number
  createdAt: number
  updatedAt: number
}

function from(database: Database) {
  return database.read.selectFrom('conversations as c')
}

function selectRows(database: Database, query = from(database)) {
  return query
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
      'c.settings as settings',
      'c.object_id as objectId',
      'c.external_user_id as externalUserId',
      'c.created_at as createdAt',
      'c.updated_at as updatedAt',
    ])
    .select((eb) =>
      eb
        .selectFrom('conversation_clears as k')
        .select((k) => k.fn.max('k.through').as('through'))
        .whereRef('k.user_id', '=', 'c.user_id')
        .whereRef('k.app_id', '=', 'c.app_id')
        .where((k) => k.or([k('k.object_id', '=', ''), k('k.object_id', '=', k.ref('c.object_id'))]))
        .where((k) =>
          k.or([k('k.external_user_id', '=', ''), k('k.external_user_id', '=', k.ref('c.external_user_id'))]),
        )
        .where('c.visitor', '=', 0)
        .as('clearedThrough'),
    )
}

type SelectedRow = Awaited<ReturnType<ReturnType<typeof selectRows>['executeTakeFirstOrThrow']>>

function toRow({ settings, clearedThrough, ...row }: SelectedRow): ConversationRow {
  return { ...row, settings: JSON.parse(settings) as ConversationSettings, clearedThrough: clearedThrough ?? 0 }
}

export async function findByPublicId(database: Database, publicId: string): Promise<ConversationRow | undefined> {
  const row = await selectRows(database).where('c.public_id', '=', publicId).executeTakeFirst()
  return row && toRow(row)
}

/** Whose a caller's own name for a conversation is: another workspace, user or app may use the same one. */
export interface Namespace {
  workspaceId: number
  userId: number
  appId: number | null
}

export async function findByExternalId(
  database: Database,
  { workspaceId, userId, appId }: Namespace,
  externalId: string,
): Promise<ConversationRow | undefined> {
  const row = await selectRows(database)
    .where('c.workspace_id', '=', workspaceId)
    .where('c.user_id', '=', userId)
    .where((eb) => (appId === null ? eb('c.app_id', 'is', null) : eb('c.app_id', '=', appId)))
    .where('c.external_id', '=', externalId)
    .executeTakeFirst()
  return row && toRow(row)
}

/** What a conversation is about and whom it is held with, as a user's dealings with an app are told apart. */
export interface Subject {
  userId: number
  appId: number
  objectId: string | null
  externalUserId: string | null
}

/** The newest open one that no visitor began. */
export async function findNewest(database: Database, subject: Subject): Promise<ConversationRow | undefined> {
  const { objectId, externalUserId } = subject
  const row = await selectRows(database)
    .where('c.user_id', '=', subject.userId)
    .where('c.app_id', '=', subject.appId)
    .where((eb) => (objectId === null ? eb('c.object_id', 'is', null) : eb('c.object_id', '=', objectId)))
    .where((eb) =>
      externalUserId === null ? eb('c.external_user_id', 'is', null) : eb('c.external_user_id', '=', externalUserId),
    )
    .where('c.visitor', '=', 0)
    .where('c.status', '=', 'active')
    .orderBy('c.id', 'desc')
    .executeTakeFirst()
  return row && toRow(row)
}

/** Says that all that was said so far about this subject is over; null: about anything, for anybody. */
export async function insertClear(tx: Transaction, subject: Subject, at: number): Promise<void> {
  await tx.db
    .insertInto('conversation_clears')
    .values({
      user_id: subject.userId,
      app_id: subject.appId,
      object_id: subject.objectId ?? '',
      external_user_id: subject.externalUserId ?? '',
      through: sql`(select coalesce(max(id), 0) from turns)`,
      cleared_at: at,
    })
    .onConflict((conflict) =>
      conflict
        .columns(['user_id', 'app_id', 'object_id', 'external_user_id'])
        .doUpdateSet((eb) => ({ through: eb.ref('excluded.through'), cleared_at: eb.ref('excluded.cleared_at') })),
    )
    .execute()
}

export interface ListFilter {
  workspaceId: number
  userId: number
  appId?: number
  status?: 'active' | 'completed' | 'archived'
  /** Only among these keys. */
  ids?: readonly number[]
  limit: number
  offset: number
  /** By when they were made, or `used`: the one with the newest turn first. Absent: newest first. */
  order?: 'asc' | 'desc' | 'used'
}

export async function listRows(database: Database, filter: ListFilter): Promise<ConversationRow[]> {
  const { order = 'desc' } = filter
  const newestTurn = sql`coalesce((select max(id) from turns where conversation_id = c.id), 0)`
  const found = await selectRows(database, filtered(database, filter))
    .$if(order === 'used', (query) => query.orderBy(newestTurn, 'desc'))
    .orderBy('c.id', order === 'asc' ? 'asc' : 'desc')
    .limit(filter.limit)
    .offset(filter.offset)
    .execute()
  return found.map(toRow)
}

export async function countRows(database: Database, filter: ListFilter): Promise<number> {
  const { total } = await filtered(database, filter)
    .select((eb) => eb.fn.countAll<number>().as('total'))
    .executeTakeFirstOrThrow()
  return total
}

function filtered(database: Database, { workspaceId, userId, appId, status, ids }: ListFilter) {
  return from(database)
    .where('c.workspace_id', '=', workspaceId)
    .where('c.user_id', '=', userId)
    .$if(appId !== undefined, (query) => query.where('c.app_id', '=', appId!))
    .$if(status !== undefined, (query) => query.where('c.status', '=', status!))
    .$if(ids !== undefined, (query) => query.where('c.id', 'in', ids!))
}

/** How much was said in a conversation, and by which model lately. */
export interface Talk {
  turns: number
  /** Of these, how many have ended. */
  ended: number
  model: string | null
}

export async function talksOf(database: Database, ids: readonly number[]): Promise<Map<number, Talk>> {
  if (ids.length === 0) return new Map()
  const rows = await database.read
    .selectFrom('turns as t')
    .select((eb) => [
      't.conversation_id as id',
      eb.fn.countAll<number>().as('turns'),
      eb.fn.count<number>('t.ended_at').as('ended'),
      eb.fn.max('t.id').as('last'),
    ])
    .where('t.conversation_id', 'in', ids)
    .groupBy('t.conversation_id')
    .execute()
  if (rows.length === 0) return new Map()
  const newest = await database.read
    .selectFrom('turns')
    .select(['id', 'model'])
    .where(
      'id',
      'in',
      rows.map((row) => row.last),
    )
    .execute()
  const models = new Map(newest.map((row) => [row.id, row.model]))
  return new Map(rows.map(({ id, turns, ended, last }) => [id!, { turns, ended, model: models.get(last) ?? null }]))
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
  objectId: string | null
  externalUserId: string | null
  visitor: number
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
      object_id: p('objectId'),
      external_user_id: p('externalUserId'),
      visitor: p('visitor'),
      created_at: p('at'),
      updated_at: p('at'),
    })
    .returning([
      'id',
      // Asked here, so that who has no webhook pays neither a query nor an event.
      sql`exists (select 1 from webhooks w where w.workspace_id = ${p('workspaceId')} and w.enabled = 1)`.as(
        'listened',
      ),
    ]),
)

export interface NewConversation {
  publicId: string
  workspaceId: number
  userId: number
  appId: number | null
  externalId: string | null
  objectId: string | null
  externalUserId: string | null
  settings: ConversationSettings
  /** It is begun by somebody who came with the app's access token. */
  isVisitors: boolean
  title: string
  at: number
}

/** Writes the row, tells webhooks of it and returns its key. A second one with the same external id is a unique violation. */
export async function insertRow(tx: Transaction, conversation: NewConversation): Promise<number> {
  const { rows } = await tx.run(insertConversation, {
    ...conversation,
    status: 'active',
    settings: JSON.stringify(conversation.settings),
    visitor: conversation.isVisitors ? 1 : 0,
  })
  const { id, listened } = rows[0] as { id: number; listened: number | boolean }
  const { workspaceId, at } = conversation
  if (listened)
    tx.tell({ type: 'conversation-created', workspaceId, conversation: id, at } satisfies ConversationCreated)
  return id
}

/** Gives its settings. */
export async function updateRow(
  tx: Transaction,
  conversationId: number,
  values: { title?: string; status?: ConversationRow['status']; updated_at: number },
): Promise<ConversationSettings> {
  const { settings } = await tx.db
    .updateTable('conversations')
    .set(values)
    .where('id', '=', conversationId)
    .returning('settings')
    .executeTakeFirstOrThrow()
  return JSON.parse(settings) as ConversationSettings
}

const setSettings = statement<{ conversationId: number; settings: string }>('set-conversation-settings', (db, p) =>
  db
    .updateTable('conversations')
    .set({ settings: p('settings') })
    .where('id', '=', p('conversationId')),
)

const holdSettings = statement<{ conversationId: number }>('hold-conversation-settings', (db, p) =>
  db
    .updateTable('conversations')
    .set((eb) => ({ settings: eb.ref('settings') }))
    .where('id', '=', p('conversationId'))
    .returning('settings'),
)

export async function updateSettings(
  tx: Transaction,
  conversationId: number,
  settings: ConversationSettings,
): Promise<void> {
  await tx.run(setSettings, { conversationId, settings: JSON.stringify(settings) })
}

/** Changes what is given and leaves the rest, whoever else changes it at the same moment. */
export async function changeSettings(
  tx: Transaction,
  conversationId: number,
  change: ConversationSettings,
): Promise<void> {
  // Written before it is read, so that the row is this transaction's from here to the commit.
  const { rows } = await tx.run(holdSettings, { conversationId })
  if (rows[0])
    await updateSettings(tx, conversationId, { ...(JSON.parse(rows[0].settings as string) as object), ...change })
}
