import type { Execution } from './execution.ts'
import type { ExecutionRow } from './store.ts'

export function toExecution(row: ExecutionRow): Execution {
  return {
    id: row.id,
    publicId: row.public_id,
    workspaceId: row.workspace_id,
    userId: row.user_id,
    userPublicId: row.user_public_id,
    pluginId: row.plugin_id,
    toolName: row.tool_name,
    status: row.status,
    ...(row.result !== null && { result: JSON.parse(row.result) as unknown }),
    ...(row.error !== null && { error: row.error }),
    frames: row.events,
    dropped: row.dropped,
    createdAt: row.created_at,
    endedAt: row.ended_at,
    expiresAt: row.expires_at,
  }
}

export function presentExecution(execution: Execution) {
  return {
    id: execution.publicId,
    plugin_id: execution.pluginId,
    tool_name: execution.toolName,
    status: execution.status,
    user_id: execution.userPublicId,
    result: execution.result ?? null,
    error: execution.error ?? null,
    frames: execution.frames,
    frames_dropped: execution.dropped,
    created_at: time(execution.createdAt),
    ended_at: execution.endedAt === null ? null : time(execution.endedAt),
    expires_at: time(execution.expiresAt),
  }
}

function time(ms: number): string {
  return new Date(ms).toISOString()
}
