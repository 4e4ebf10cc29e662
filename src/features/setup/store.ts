import type { Kysely } from 'kysely'
import type { Database, Schema } from '#store/index.ts'

export async function hasUsers(db: Kysely<Schema>): Promise<boolean> {
  return (await db.selectFrom('users').select('id').limit(1).executeTakeFirst()) !== undefined
}

/** The first administrator of this server with the first workspace he owns. */
export function findOwner(database: Database): Promise<{ userId: number; workspaceId: number } | undefined> {
  return database.read
    .selectFrom('users as u')
    .innerJoin('memberships as m', 'm.user_id', 'u.id')
    .select(['u.id as userId', 'm.workspace_id as workspaceId'])
    .where('u.is_admin', '=', 1)
    .where('u.disabled', '=', 0)
    .where('m.role', '=', 'owner')
    .orderBy('u.id')
    .orderBy('m.workspace_id')
    .limit(1)
    .executeTakeFirst()
}
