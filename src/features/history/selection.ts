import type { Principal } from '#contracts/index.ts'
import type { App } from '#features/apps/index.ts'
import { isUuid } from '#lib/uuid.ts'
import type { Database } from '#store/index.ts'

/** What a caller asks for. */
export interface HistoryFilter {
  /** What question or answer must contain. */
  text?: string
  /** A user's public id or address. */
  createdBy?: string
  objectId?: string
  externalUserId?: string
  /** Leaves out what was said to switch tools or the model. */
  withoutToolEvents?: boolean
}

/** Which rows of a place. With `userId`: this user's own, without those of visitors. */
export interface Selection {
  place: number
  userId?: number
  objectId?: string
  externalUserId?: string
  withoutToolEvents: boolean
}

/** Where rows stand: with their app, or where a conversation has none with its workspace. */
export function placeOf(row: { appId: number | null; workspaceId: number }): number {
  return row.appId ?? -row.workspaceId
}

/**
 * What of an app's history the principal may see of what is asked for: administrators and owners of its workspace all,
 * others what they said themselves. Undefined: nothing.
 */
export async function select(
  database: Database,
  principal: Principal,
  app: Pick<App, 'id' | 'workspace'>,
  filter: HistoryFilter,
): Promise<Selection | undefined> {
  if (principal.app || app.workspace.id !== principal.workspace.id) return undefined
  const own = principal.role === 'member'
  const { createdBy } = filter
  const userId = createdBy === undefined ? undefined : await findUser(database, createdBy)
  if (createdBy !== undefined && (userId === undefined || (own && userId !== principal.user.id))) return undefined
  const only = own ? principal.user.id : userId
  return {
    place: app.id,
    ...(only !== undefined && { userId: only }),
    ...(filter.objectId !== undefined && { objectId: filter.objectId }),
    ...(filter.externalUserId !== undefined && { externalUserId: filter.externalUserId }),
    withoutToolEvents: filter.withoutToolEvents === true,
  }
}

async function findUser(database: Database, name: string): Promise<number | undefined> {
  const query = database.read.selectFrom('users').select('id')
  const text = name.toLowerCase()
  const row = await (isUuid(text)
    ? query.where('public_id', '=', text)
    : query.where('email', '=', text)
  ).executeTakeFirst()
  return row?.id
}
