import type { Database, Transaction } from '#store/index.ts'
import type { App, AppType } from './app.ts'
import type { AppConfig } from './config.ts'

export interface NewApp {
  publicId: string
  workspaceId: number
  slug: string
  name: string
  description: string
  type: AppType
  accessToken: string
  enabled: boolean
  config: AppConfig
  createdBy: number
  now: number
}

export async function insertApp(tx: Transaction, app: NewApp): Promise<void> {
  await tx.db
    .insertInto('apps')
    .values({
      public_id: app.publicId,
      workspace_id: app.workspaceId,
      slug: app.slug,
      name: app.name,
      description: app.description,
      type: app.type,
      access_token: app.accessToken,
      enabled: app.enabled ? 1 : 0,
      config: JSON.stringify(app.config),
      created_by: app.createdBy,
      created_at: app.now,
      updated_at: app.now,
    })
    .execute()
}

function selectApps(database: Database) {
  return database.read
    .selectFrom('apps as a')
    .innerJoin('workspaces as w', 'w.id', 'a.workspace_id')
    .innerJoin('users as u', 'u.id', 'a.created_by')
    .selectAll('a')
    .select(['w.public_id as workspace_public_id', 'u.public_id as user_public_id', 'u.disabled as user_disabled'])
}

type AppRow = Awaited<ReturnType<ReturnType<typeof selectApps>['executeTakeFirstOrThrow']>>

export async function findAppBy(
  database: Database,
  by: { publicId: string } | { token: string } | { workspaceId: number; slug: string },
): Promise<App | undefined> {
  const query = selectApps(database)
  const one =
    'publicId' in by
      ? query.where('a.public_id', '=', by.publicId)
      : 'token' in by
        ? query.where('a.access_token', '=', by.token)
        : query.where('a.workspace_id', '=', by.workspaceId).where('a.slug', '=', by.slug)
  const row = await one.executeTakeFirst()
  return row && toApp(row)
}

/** A workspace's apps, the oldest first. */
export async function listAppRows(database: Database, workspaceId: number, type?: AppType): Promise<App[]> {
  const query = selectApps(database).where('a.workspace_id', '=', workspaceId).orderBy('a.id')
  const rows = await (type === undefined ? query : query.where('a.type', '=', type)).execute()
  return rows.map(toApp)
}

export async function isSlugTaken(tx: Transaction, workspaceId: number, slug: string): Promise<boolean> {
  const row = await tx.db
    .selectFrom('apps')
    .select('id')
    .where('workspace_id', '=', workspaceId)
    .where('slug', '=', slug)
    .executeTakeFirst()
  return row !== undefined
}

export interface AppValues {
  slug: string
  name: string
  description: string
  enabled: number
  config: string
  updated_at: number
}

/** Writes the row if it is still as it was read at `readAt`; false when somebody else wrote it meanwhile. */
export async function updateApp(tx: Transaction, app: App, values: AppValues): Promise<boolean> {
  const result = await tx.db
    .updateTable('apps')
    .set(values)
    .where('id', '=', app.id)
    .where('updated_at', '=', app.updatedAt)
    .executeTakeFirst()
  return Number(result.numUpdatedRows) === 1
}

export async function updateToken(tx: Transaction, id: number, accessToken: string): Promise<void> {
  await tx.db.updateTable('apps').set({ access_token: accessToken }).where('id', '=', id).execute()
}

export async function deleteApp(tx: Transaction, id: number): Promise<void> {
  await tx.db.deleteFrom('apps').where('id', '=', id).execute()
}

function toApp(row: AppRow): App {
  return {
    id: row.id,
    publicId: row.public_id,
    workspace: { id: row.workspace_id, publicId: row.workspace_public_id },
    slug: row.slug,
    name: row.name,
    description: row.description,
    type: row.type,
    enabled: row.enabled === 1,
    accessToken: row.access_token,
    config: JSON.parse(row.config),
    createdBy: { id: row.created_by, publicId: row.user_public_id, disabled: row.user_disabled === 1 },
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }
}
