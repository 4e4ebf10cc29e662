import { type Message, type Part, textOf } from '#contracts/index.ts'
import type { ConversationRow } from './store.ts'
import type { TurnRecord } from './turn-records.ts'

export interface ConversationView {
  id: string
  application_id: string | null
  session_id: string | null
  title: string
  status: ConversationRow['status']
  created_at: string
  updated_at: string
}

export function presentConversation(row: ConversationRow): ConversationView {
  return {
    id: row.publicId,
    application_id: row.appPublicId,
    session_id: row.externalId,
    title: row.title,
    status: row.status,
    created_at: new Date(row.createdAt).toISOString(),
    updated_at: new Date(row.updatedAt).toISOString(),
  }
}

export interface MessageView {
  id: string
  turn_id: string
  role: string
  content: string
  parts: Part[]
  status: string
  created_at: string
}

/** A turn as the messages a person saw. Ids are the turn's, with what it is after a colon. */
export function presentMessages(turn: TurnRecord): MessageView[] {
  const asked = turn.messages.map((message: Message, index) => ({
    id: `${turn.publicId}:${index}`,
    turn_id: turn.publicId,
    role: message.role,
    content: textOf(message.parts),
    parts: message.parts,
    status: 'completed',
    created_at: new Date(turn.createdAt).toISOString(),
  }))
  if (turn.status === 'running') return asked
  return [
    ...asked,
    {
      id: `${turn.publicId}:answer`,
      turn_id: turn.publicId,
      role: 'assistant',
      content: textOf(turn.parts),
      parts: turn.parts,
      status: turn.status,
      created_at: new Date(turn.endedAt ?? turn.createdAt).toISOString(),
    },
  ]
}
