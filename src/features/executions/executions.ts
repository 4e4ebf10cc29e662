import type { Principal } from '#contracts/index.ts'
import { AppError, invalid } from '#errors/index.ts'
import { mayAdminister, refuseAppToken } from '#features/workspaces/index.ts'
import { randomToken } from '#lib/hash.ts'
import { plainText } from '#lib/text.ts'
import type { Database } from '#store/index.ts'
import { type Execution, type ExecutionFrame, type FrameType, frameTypes } from './execution.ts'
import { maySee } from './policy.ts'
import { toExecution } from './present.ts'
import {
  countDropped,
  deleteExpired,
  endExecution,
  findExecution,
  insertExecution,
  insertFrame,
  listFrames,
  listRows,
} from './store.ts'

export interface ExecutionsDeps {
  database: Database
  now(): number
}

interface VerbDeps extends ExecutionsDeps {
  /** Something of this execution was committed. */
  ring(publicId: string): void
}

export interface ExecutionPage {
  executions: Execution[]
  /** There are older ones. */
  more: boolean
}

/** How long a run can be watched after its end; one that never ends is forgotten a day after its start. */
const lifeMs = { afterEnd: 3_600_000, running: 24 * 3_600_000 }
/** What is kept of one run; a frame that finds no room is counted and dropped. */
const most = { frames: 2_000, bytes: 2 * 1024 * 1024 }
const mostFrameLength = 64 * 1024
const mostResultLength = 256 * 1024
const mostErrorLength = 2_000

const idShape = /^exe_[\w-]{32}$/

/** A run begins: gives the id under which it is told of, and watched. */
export async function startExecution(
  deps: VerbDeps,
  run: { workspaceId: number; userId: number; pluginId: string; toolName: string },
): Promise<string> {
  const now = deps.now()
  const execution = {
    publicId: randomToken(24, 'exe_'),
    workspaceId: run.workspaceId,
    userId: run.userId,
    pluginId: plainText('plugin_id', run.pluginId, 200),
    toolName: plainText('tool_name', run.toolName, 200),
    now,
    expiresAt: now + lifeMs.running,
  }
  await deps.database.write((tx) => insertExecution(tx, execution))
  return execution.publicId
}

/**
 * Tells of a step of the run; visible to who watches when this resolves. `data` must be a JSON object; one that is too
 * large, or finds no room, is counted and dropped. Throws `conflict` when the run is over or was never there.
 */
export async function appendFrame(
  deps: VerbDeps,
  publicId: string,
  frame: { type: FrameType; data: Record<string, unknown> },
): Promise<void> {
  if (!frameTypes.includes(frame.type)) throw invalid('type', `type must be one of ${frameTypes.join(', ')}`)
  const data = JSON.stringify(frame.data)
  const at = deps.now()
  await deps.database.write(async (tx) => {
    const kept =
      data.length <= mostFrameLength && (await insertFrame(tx, publicId, { type: frame.type, data, at }, most))
    if (!kept && !(await countDropped(tx, publicId))) throw over()
  })
  deps.ring(publicId)
}

/** The run is over, well or not. Throws `conflict` when it was before. A result that is too large is cut to its beginning. */
export async function finishExecution(
  deps: VerbDeps,
  publicId: string,
  end: { result: unknown } | { error: string },
): Promise<void> {
  const now = deps.now()
  const values = {
    ended_at: now,
    expires_at: now + lifeMs.afterEnd,
    ...('error' in end
      ? { status: 'failed' as const, result: null, error: storable(end.error) }
      : { status: 'completed' as const, result: jsonOf(end.result), error: null }),
  }
  await deps.database.write(async (tx) => {
    if (!(await endExecution(tx, publicId, values))) throw over()
  })
  deps.ring(publicId)
}

/** Throws `not-found`, also for one that the caller may not see. */
export async function getExecution(deps: VerbDeps, principal: Principal, publicId: string): Promise<Execution> {
  refuseAppToken(principal)
  const execution = await findOpen(deps, publicId)
  if (!execution || !maySee(principal, execution)) throw new AppError('not-found', 'Execution not found')
  return execution
}

/** The newest first: the caller's own, for administrators all of the workspace. `before` is the id of one of them. */
export async function listExecutions(
  deps: VerbDeps,
  principal: Principal,
  page: { limit: number; before?: string },
): Promise<ExecutionPage> {
  refuseAppToken(principal)
  const before = page.before === undefined ? undefined : await findOpen(deps, page.before)
  if (page.before !== undefined && (!before || !maySee(principal, before)))
    throw invalid('before', 'before must be the id of an execution')
  const rows = await listRows(deps.database, {
    workspaceId: principal.workspace.id,
    ...(!mayAdminister(principal.role) && { userId: principal.user.id }),
    ...(before && { before: before.id }),
    limit: page.limit + 1,
    now: deps.now(),
  })
  return { executions: rows.slice(0, page.limit).map(toExecution), more: rows.length > page.limit }
}

/** For who holds the id. Undefined: there is none, or no more. */
export async function findOpen(deps: VerbDeps, publicId: string): Promise<Execution | undefined> {
  const row = idShape.test(publicId) ? await findExecution(deps.database, publicId, deps.now()) : undefined
  return row && toExecution(row)
}

/** Frames after `after`, in order, at most `limit`. */
export async function framesAfter(
  deps: VerbDeps,
  executionId: number,
  after: number,
  limit: number,
): Promise<ExecutionFrame[]> {
  const rows = await listFrames(deps.database, executionId, after, limit)
  return rows.map((row) => ({
    seq: row.seq,
    type: row.type as FrameType,
    data: JSON.parse(row.data) as Record<string, unknown>,
    at: row.at,
  }))
}

/** Forgets what has expired. */
export async function pruneExecutions(deps: VerbDeps): Promise<void> {
  await deps.database.write((tx) => deleteExpired(tx, deps.now()))
}

function jsonOf(result: unknown): string {
  const text = JSON.stringify(result ?? null)
  if (text.length <= mostResultLength) return text
  return JSON.stringify({ truncated: true, beginning: text.slice(0, mostResultLength / 4) })
}

function storable(error: string): string {
  return error.slice(0, mostErrorLength).toWellFormed().replaceAll('\0', '')
}

function over(): AppError {
  return new AppError('conflict', 'This execution is not running')
}
