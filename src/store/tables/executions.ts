import type { Generated } from 'kysely'

export interface ExecutionTables {
  plugin_executions: PluginExecutionsTable
  plugin_execution_events: PluginExecutionEventsTable
}

/** A run of a plugin's tool. Who knows `public_id` may watch it. */
export interface PluginExecutionsTable {
  id: Generated<number>
  public_id: string
  workspace_id: number
  user_id: number
  plugin_id: string
  tool_name: string
  status: 'running' | 'completed' | 'failed'
  /** JSON. */
  result: string | null
  error: string | null
  /** How many frames are kept, and what they weigh. */
  events: number
  bytes: number
  /** Frames that came when there was no room left. */
  dropped: number
  created_at: number
  ended_at: number | null
  expires_at: number
}

export interface PluginExecutionEventsTable {
  execution_id: number
  /** 1, 2, 3, … without gaps. */
  seq: number
  type: string
  /** JSON: an object. */
  data: string
  at: number
}
