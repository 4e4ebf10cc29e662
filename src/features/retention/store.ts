import type { Selectable } from 'kysely'
import type { Database, ErasuresTable } from '#store/index.ts'

export type ErasureRow = Awaited<ReturnType<typeof findErasure>>

function erasures(database: Database) {
  return database.read
    .selectFrom('erasures as e')
    .innerJoin('users as u', 'u.id', 'e.user_id')
    .leftJoin('workspaces as w', 'w.id', 'e.workspace_id')
    .selectAll('e')
    .select(['u.public_id as user_public_id', 'u.created_at as user_since', 'w.public_id as workspace_public_id'])
}

export function findErasure(database: Database, by: { id: number } | { publicId: string }) {
  const query = erasures(database)
  return (
    'id' in by ? query.where('e.id', '=', by.id) : query.where('e.public_id', '=', by.publicId)
  ).executeTakeFirst()
}

export async function runningErasures(database: Database): Promise<number[]> {
  const rows = await database.read.selectFrom('erasures').select('id').where('status', '=', 'running').execute()
  return rows.map((row) => row.id)
}

/** Complete ones that were asked for since `since`. */
export function recentErasures(database: Database, since: number): Promise<Selectable<ErasuresTable>[]> {
  return database.read
    .selectFrom('erasures')
    .selectAll()
    .where('status', '=', 'completed')
    .where('created_at', '>', since)
    .execute()
}

export interface ErasureView {
  id: string
  userId: string
  status: 'running' | 'completed'
  anonymised: boolean
  /** Public id; null: everywhere. */
  workspaceId: string | null
  requestedAt: number
  completedAt: number | null
  /** Store → rows. */
  removed: Record<string, number>
  kept: Record<string, number>
}

export function toView(row: NonNullable<ErasureRow>): ErasureView {
  return {
    id: row.public_id,
    userId: row.user_public_id,
    status: row.status,
    anonymised: row.anonymised === 1,
    workspaceId: row.workspace_public_id,
    requestedAt: row.created_at,
    completedAt: row.ended_at,
    removed: JSON.parse(row.removed) as Record<string, number>,
    kept: JSON.parse(row.kept) as Record<string, number>,
  }
}
