import type { Execution, ExecutionFrame } from '#features/executions/index.ts'

/** Frames of a run (CONTRACTS §1.7): {type, data}, and `seq` where it can be asked for again. */
export function infoFrame(execution: Execution): string {
  return frame('execution_info', execution.createdAt, {
    execution_id: execution.publicId,
    plugin_id: execution.pluginId,
    tool_name: execution.toolName,
    status: execution.status,
    created_at: time(execution.createdAt),
    expires_at: time(execution.expiresAt),
  })
}

export function debugFrame({ type, data, seq, at }: ExecutionFrame): string {
  return JSON.stringify({ type, data, seq, timestamp: time(at) })
}

/** The last frame of a run that is over. */
export function endFrame(execution: Execution): string {
  const endedAt = execution.endedAt ?? execution.createdAt
  const told = {
    status: execution.status,
    duration: (endedAt - execution.createdAt) / 1000,
    frames_dropped: execution.dropped,
  }
  return execution.status === 'failed'
    ? frame('execution_error', endedAt, { error: execution.error ?? '', ...told })
    : frame('execution_complete', endedAt, { result: execution.result ?? null, ...told })
}

export function problemFrame(message: string, at: number): string {
  return frame('error', at, { message })
}

function frame(type: string, at: number, data: object): string {
  return JSON.stringify({ type, data, timestamp: time(at) })
}

function time(ms: number): string {
  return new Date(ms).toISOString()
}
