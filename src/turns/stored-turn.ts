import {
  type Envelope,
  emptyTurn,
  type Part,
  type TurnEnd,
  type TurnStart,
  type TurnState,
  type Usage,
} from '#contracts/index.ts'
import type { ErrorInfo } from '#errors/index.ts'
import { rangeOfShortId } from '#lib/short-id.ts'
import type { Database, TurnStatus } from '#store/index.ts'
import { foldLog, fromStoredLog } from './stored-log.ts'

/** A turn as the database has it. */
export interface StoredTurn {
  id: number
  publicId: string
  workspaceId: number
  userId: number
  appId: number | null
  appPublicId: string | null
  conversationId: number | null
  conversationPublicId: string | null
  status: TurnStatus
  model: string
  upstream: string
  parts: Part[]
  log: string | null
  usage: Usage
  costMicros: number
  finishReason: string | null
  error: ErrorInfo | null
  metadata: Record<string, unknown> | null
  createdAt: number
  endedAt: number | null
}

/** The public id of the turn that has this short one. */
export async function findByShortId(database: Database, shortId: string): Promise<string | undefined> {
  const { least, greatest } = rangeOfShortId(shortId)
  const row = await database.read
    .selectFrom('turns')
    .select('public_id')
    .where('public_id', '>=', least)
    .where('public_id', '<=', greatest)
    .orderBy('public_id')
    .limit(1)
    .executeTakeFirst()
  return row?.public_id
}

export async function findStoredTurn(database: Database, publicId: string): Promise<StoredTurn | undefined> {
  const row = await database.read
    .selectFrom('turns as t')
    .leftJoin('turn_outputs as o', 'o.turn_id', 't.id')
    .leftJoin('conversations as c', 'c.id', 't.conversation_id')
    .leftJoin('apps as a', 'a.id', 't.app_id')
    .selectAll('t')
    .select(['o.parts', 'o.log', 'c.public_id as conversationPublicId', 'a.public_id as appPublicId'])
    .where('t.public_id', '=', publicId)
    .executeTakeFirst()
  if (!row) return undefined
  return {
    id: row.id,
    publicId: row.public_id,
    workspaceId: row.workspace_id,
    userId: row.user_id,
    appId: row.app_id,
    appPublicId: row.appPublicId,
    conversationId: row.conversation_id,
    conversationPublicId: row.conversationPublicId,
    status: row.status,
    model: row.model,
    upstream: row.upstream,
    parts: row.parts === null ? [] : (JSON.parse(row.parts) as Part[]),
    log: row.log,
    usage: {
      inputTokens: row.input_tokens,
      outputTokens: row.output_tokens,
      cachedInputTokens: row.cached_input_tokens,
      reasoningTokens: row.reasoning_tokens,
      estimated: row.estimated === 1,
    },
    costMicros: row.cost_micros,
    finishReason: row.finish_reason,
    error: row.error === null ? null : (JSON.parse(row.error) as ErrorInfo),
    metadata: row.metadata === null ? null : (JSON.parse(row.metadata) as Record<string, unknown>),
    createdAt: row.created_at,
    endedAt: row.ended_at,
  }
}

/** The events of an ended turn. When its log has been pruned: the parts in full, and how it ended. */
export function eventsOf(turn: StoredTurn): Envelope[] {
  if (turn.log !== null)
    return fromStoredLog(turn.log, turn.parts, {
      turnId: turn.publicId,
      startedAt: turn.createdAt,
      start: startOf(turn),
      end: endOf(turn),
      upstream: turn.upstream,
    })
  const envelopes: Envelope[] = []
  const push = (event: Envelope['event'], at: number) =>
    envelopes.push({ turnId: turn.publicId, seq: envelopes.length + 1, at, audience: 'members', path: [], event })
  push(startOf(turn), turn.createdAt)
  for (const [part, stored] of turn.parts.entries())
    if (stored.type === 'text' || stored.type === 'reasoning' || stored.type === 'refusal')
      push({ type: 'part-reset', part, kind: stored.type, text: stored.text }, turn.createdAt)
    else if (stored.type === 'source') push({ type: 'source', source: stored.source }, turn.createdAt)
  push(endOf(turn), turn.endedAt ?? turn.createdAt)
  return envelopes
}

/** The fold of an ended turn. */
export function stateOf(turn: StoredTurn): TurnState {
  return foldLog(eventsOf(turn), emptyTurn)
}

function startOf(turn: StoredTurn): TurnStart {
  return {
    type: 'turn-start',
    ...(turn.conversationPublicId !== null && { conversationId: turn.conversationPublicId }),
    ...(turn.appPublicId !== null && { appId: turn.appPublicId }),
    model: turn.model,
    ...(turn.metadata && { metadata: turn.metadata }),
  }
}

function endOf(turn: StoredTurn): TurnEnd {
  return {
    type: 'turn-end',
    outcome: turn.status === 'running' ? 'interrupted' : turn.status,
    finishReason: (turn.finishReason ?? 'stop') as TurnEnd['finishReason'],
    ...(turn.error && { error: turn.error }),
    usage: turn.usage,
    costMicros: turn.costMicros,
  }
}
