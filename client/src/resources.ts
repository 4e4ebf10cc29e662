/** What the application API (/api/v1) answers with, as it stands in `data`. */
import type { Outcome, Source, Usage } from './frames.ts'

export interface SessionInfo {
  id: string
  application_id: string | null
  /** The name it was given by whoever began it. */
  session_id: string | null
  title: string
  status: 'active' | 'completed' | 'archived'
  created_at: string
  updated_at: string
}

/** A piece of a message. */
export type Part =
  | { type: 'text' | 'reasoning' | 'refusal'; text: string }
  | { type: 'image'; url: string; detail?: 'auto' | 'low' | 'high' }
  | { type: 'audio'; data: string; format: string; id?: string; transcript?: string; expiresAt?: number }
  | { type: 'file'; name: string; mediaType: string; data?: string; url?: string; text?: string; fileId?: string }
  | { type: 'tool-call'; callId: string; name: string; arguments: string }
  | { type: 'tool-result'; callId: string; name?: string; result: string; isError: boolean }
  | { type: 'source'; source: LogSource }
  | { type: 'input'; parts: Part[] }

export type LogSource = Pick<Source, 'content'> & {
  id: string
  title: string
  url?: string
  score?: number
  metadata?: Record<string, unknown>
}

export interface Message {
  id: string
  turn_id: string
  role: 'system' | 'user' | 'assistant' | 'tool'
  content: string
  parts: Part[]
  status: 'running' | Outcome
  created_at: string
}

export interface TurnInfo {
  id: string
  status: 'running' | Outcome
  conversation_id: string | null
  application_id: string | null
  model: string
  text: string
  parts: Part[]
  usage: Usage
  error?: { code: string; message: string }
  metadata?: Record<string, unknown>
  created_at: string
  ended_at: string | null
}

const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** Where a session's messages are. Undefined: by what is known of it it cannot be found. */
export function messagesPath(
  session: { id: string; applicationId: string | undefined; conversationId: string | undefined },
  limit: number,
): string | undefined {
  const { id, applicationId, conversationId } = session
  if (conversationId === undefined && applicationId !== undefined && uuid.test(applicationId))
    return `/api/v1/chat/${applicationId}/messages?session_id=${encodeURIComponent(id)}&limit=${limit}`
  const found = conversationId ?? (uuid.test(id) ? id : undefined)
  return found && `/api/v1/chat/sessions/${found}/messages?limit=${limit}`
}
