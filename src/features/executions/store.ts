import { sql } from 'kysely'
import type { Database, Transaction } from '#store/index.ts'
import type { FrameType } from './execution.ts'

export interface NewExecution {
  publicId: string
  workspaceId: number
  userId: number
  pluginId: string
  toolName: string
  now: number
  expiresAt: number
}

export async function insertExecution(tx: Transaction, run: NewExecution): Promise<void> {
  await tx.db
    .insertInto('plugin_executions')
    .values({
      public_id: run.publicId,
      workspace_id: run.workspaceId,
      user_id: run.userId,
      plugin_id: run.pluginId,
      tool_name: run.toolName,
      status: 'running',
      result: null,
      error: null,
      events: 0,
      bytes: 0,
      dropped: 0,
      created_at: run.now,
      ended_at: null,
      expires_at: run.expiresAt,
    })
    .execute()
}

/**
 * Numbers and keeps a frame if the execution is running and has room. The row's lock makes frames of one execution
 * wait for each other, so that they are visible in the order of their numbers. False: nothing was changed.
 */
export async function insertFrame(
  tx: Transaction,
  publicId: string,
  frame: { type: FrameType; data: string; at: number },
  most: { frames: number; bytes: number },
): Promise<boolean> {
  const bytes = Buffer.byteLength(frame.data)
  const row = await tx.db
    .updateTable('plugin_executions')
    .set({ events: sql`events + 1`, bytes: sql`bytes + ${bytes}` })
    .where('public_id', '=', publicId)
    .where('status', '=', 'running')
    .where('events', '<', most.frames)
    .where(sql<number>`bytes + ${bytes}`, '<=', most.bytes)
    .returning(['id', 'events'])
    .executeTakeFirst()
  if (!row) return false
  await tx.db
    .insertInto('plugin_execution_events')
    .values({ execution_id: row.id, seq: row.events, type: frame.type, data: frame.data, at: frame.at })
    .execute()
  return true
}

/** False: it is not running. */
export async function countDropped(tx: Transaction, publicId: string): Promise<boolean> {
  const { numUpdatedRows } = await tx.db
    .updateTable('plugin_executions')
    .set({ dropped: sql`dropped + 1` })
    .where('public_id', '=', publicId)
    .where('status', '=', 'running')
    .executeTakeFirst()
  return Number(numUpdatedRows) === 1
}

/** False: it is not running. */
export async function endExecution(
  tx: Transaction,
  publicId: string,
  end: {
    status: 'completed' | 'failed'
    result: string | null
    error: string | null
    ended_at: number
    expires_at: number
  },
): Promise<boolean> {
  const { numUpdatedRows } = await tx.db
    .updateTable('plugin_executions')
    .set(end)
    .where('public_id', '=', publicId)
    .where('status', '=', 'running')
    .executeTakeFirst()
  return Number(numUpdatedRows) === 1
}

function selectExecutions(database: Database) {
  return database.read
    .selectFrom('plugin_executions as e')
    .innerJoin('users as u', 'u.id', 'e.user_id')
    .selectAll('e')
    .select('u.public_id as user_public_id')
}

export type ExecutionRow = Awaited<ReturnType<ReturnType<typeof selectExecutions>['executeTakeFirstOrThrow']>>

/** One that has not expired at `now`. */
export function findExecution(database: Database, publicId: string, now: number): Promise<ExecutionRow | undefined> {
  return selectExecutions(database)
    .where('e.public_id', '=', publicId)
    .where('e.expires_at', '>', now)
    .executeTakeFirst()
}

/** The newest first; of one user, or of all when `userId` is absent. */
export function listRows(
  database: Database,
  filter: { workspaceId: number; userId?: number; before?: number; limit: number; now: number },
): Promise<ExecutionRow[]> {
  return selectExecutions(database)
    .where('e.workspace_id', '=', filter.workspaceId)
    .where('e.expires_at', '>', filter.now)
    .$if(filter.userId !== undefined, (query) => query.where('e.user_id', '=', filter.userId!))
    .$if(filter.before !== undefined, (query) => query.where('e.id', '<', filter.before!))
    .orderBy('e.id', 'desc')
    .limit(filter.limit)
    .execute()
}

export function listFrames(database: Database, executionId: number, after: number, limit: number) {
  return database.read
    .selectFrom('plugin_execution_events')
    .selectAll()
    .where('execution_id', '=', executionId)
    .where('seq', '>', after)
    .orderBy('seq')
    .limit(limit)
    .execute()
}

/** Forgets what expired before `now`, with its frames. */
export async function deleteExpired(tx: Transaction, now: number): Promise<void> {
  await tx.db.deleteFrom('plugin_executions').where('expires_at', '<=', now).execute()
}
