/** What a run may tell of itself while it goes (CONTRACTS §1.7). */
export const frameTypes = ['debug_data', 'log', 'trace', 'step', 'variable', 'api_call'] as const
export type FrameType = (typeof frameTypes)[number]

export interface ExecutionFrame {
  /** 1, 2, 3, … within its execution. */
  seq: number
  type: FrameType
  data: Record<string, unknown>
  /** Unix ms. */
  at: number
}

export interface Execution {
  id: number
  /** Who knows it may watch. */
  publicId: string
  workspaceId: number
  userId: number
  userPublicId: string
  pluginId: string
  toolName: string
  status: 'running' | 'completed' | 'failed'
  /** Of a completed one. */
  result?: unknown
  /** Of a failed one. */
  error?: string
  /** How many frames there are. */
  frames: number
  /** Frames that came when there was no room left, and are not kept. */
  dropped: number
  createdAt: number
  endedAt: number | null
  expiresAt: number
}
