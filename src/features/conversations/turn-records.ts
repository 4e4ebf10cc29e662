/** What is read of the turns of a conversation; the turns room writes them. */
import type { Message, Part } from '#contracts/index.ts'
import type { ErrorInfo } from '#errors/index.ts'
import type { Database } from '#store/index.ts'

export interface TurnRecord {
  id: number
  publicId: string
  status: string
  /** No model was asked: a guardrail refused its messages, and what is kept of them is not what was said. */
  refused: boolean
  model: string
  messages: Message[]
  parts: Part[]
  createdAt: number
  endedAt: number | null
}

/** Which turns, by their keys; neither is among them. */
export interface TurnRange {
  before?: number
  after?: number
}

/** The key of a turn, if it is one of this conversation. */
export async function turnKey(
  database: Database,
  conversationId: number,
  publicId: string,
): Promise<number | undefined> {
  const row = await database.read
    .selectFrom('turns')
    .select('id')
    .where('public_id', '=', publicId)
    .where('conversation_id', '=', conversationId)
    .executeTakeFirst()
  return row?.id
}

/** Turns of a conversation, newest first. */
export async function turnRows(
  database: Database,
  conversationId: number,
  limit: number,
  { before, after }: TurnRange = {},
): Promise<TurnRecord[]> {
  const found = await database.read
    .selectFrom('turns as t')
    .innerJoin('turn_inputs as i', 'i.turn_id', 't.id')
    .leftJoin('turn_outputs as o', 'o.turn_id', 't.id')
    .select([
      't.id',
      't.public_id',
      't.status',
      't.model',
      't.created_at',
      't.ended_at',
      't.error',
      'i.messages',
      'o.parts',
    ])
    .where('t.conversation_id', '=', conversationId)
    .$if(before !== undefined, (query) => query.where('t.id', '<', before!))
    .$if(after !== undefined, (query) => query.where('t.id', '>', after!))
    .orderBy('t.id', 'desc')
    .limit(limit)
    .execute()
  return found.map((row) => ({
    id: row.id,
    publicId: row.public_id,
    status: row.status,
    refused: isRefused(row.error),
    model: row.model,
    messages: JSON.parse(row.messages) as Message[],
    parts: row.parts === null ? [] : (JSON.parse(row.parts) as Part[]),
    createdAt: row.created_at,
    endedAt: row.ended_at,
  }))
}

function isRefused(error: string | null): boolean {
  if (error === null) return false
  const { code, details } = JSON.parse(error) as ErrorInfo
  return code === 'content-blocked' && details?.where === 'input'
}
