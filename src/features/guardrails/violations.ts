import type { GuardrailHit, GuardrailHitNote } from '#contracts/index.ts'
import { uuidv7 } from '#lib/uuid.ts'
import type { Database, GuardrailViolationsTable, Transaction } from '#store/index.ts'

/** The turn in which something was found. */
export interface ViolatingTurn {
  publicId: string
  workspaceId: number
  userId: number
  appId: number | null
  /** Unix ms. */
  endedAt: number
}

/**
 * Stores what was found in a turn and tells of it, in the transaction that settles the turn. Undefined where nothing was
 * found, as in nearly all.
 */
export function recordHits(
  tx: Transaction,
  turn: ViolatingTurn,
  hits: readonly GuardrailHitNote[],
): Promise<void> | undefined {
  return hits.length === 0 ? undefined : insertHits(tx, turn, hits)
}

async function insertHits(tx: Transaction, turn: ViolatingTurn, hits: readonly GuardrailHitNote[]): Promise<void> {
  const { workspaceId, appId, publicId: turnId } = turn
  const found = hits.map((hit) => ({ ...hit, violationId: uuidv7(turn.endedAt) }))
  await tx.db
    .insertInto('guardrail_violations')
    .values(
      found.map(({ rule, where, place, count, outage, excerpt, violationId }) => ({
        public_id: violationId,
        workspace_id: workspaceId,
        app_id: appId,
        user_id: turn.userId,
        turn_id: turnId,
        rule_id: rule.publicId,
        rule_name: rule.name,
        kind: rule.check.kind,
        action: rule.action,
        direction: where,
        place,
        count,
        outage: outage ? 1 : 0,
        excerpt,
        created_at: turn.endedAt,
      })),
    )
    .execute()
  for (const { rule, where, violationId } of found) {
    const hit: GuardrailHit = {
      type: 'guardrail-hit',
      workspaceId,
      appId,
      turnId,
      ruleId: rule.publicId,
      rule: rule.name,
      where,
      violationId,
      redacted: rule.action === 'mask',
    }
    tx.tell(hit)
  }
}

export interface ViolationFilter {
  appId?: number
  /** Public id. */
  ruleId?: string
  where?: 'input' | 'output'
  /** Unix ms, from and before. */
  from?: number
  to?: number
  /** Public id of the violation behind which to go on. */
  before?: string
  limit: number
}

export interface Violation {
  publicId: string
  turnId: string
  /** Null: gone, or none. */
  appId: string | null
  userId: string | null
  rule: { id: string; name: string; kind: string; action: GuardrailViolationsTable['action'] }
  where: 'input' | 'output'
  place: string
  count: number
  outage: boolean
  excerpt: string
  createdAt: number
}

/** Newest first. */
export async function listViolationRows(
  database: Database,
  workspaceId: number,
  filter: ViolationFilter,
): Promise<Violation[]> {
  const { appId, ruleId, where, from, to, before, limit } = filter
  const rows = await database.read
    .selectFrom('guardrail_violations as v')
    .leftJoin('apps as a', 'a.id', 'v.app_id')
    .leftJoin('users as u', 'u.id', 'v.user_id')
    .selectAll('v')
    .select(['a.public_id as app_public_id', 'u.public_id as user_public_id'])
    .where('v.workspace_id', '=', workspaceId)
    .$if(appId !== undefined, (query) => query.where('v.app_id', '=', appId!))
    .$if(ruleId !== undefined, (query) => query.where('v.rule_id', '=', ruleId!))
    .$if(where !== undefined, (query) => query.where('v.direction', '=', where!))
    .$if(from !== undefined, (query) => query.where('v.created_at', '>=', from!))
    .$if(to !== undefined, (query) => query.where('v.created_at', '<', to!))
    .$if(before !== undefined, (query) =>
      query.where('v.id', '<', (eb) =>
        eb
          .selectFrom('guardrail_violations as b')
          .select('b.id')
          .where('b.public_id', '=', before!)
          .where('b.workspace_id', '=', workspaceId),
      ),
    )
    .orderBy('v.id', 'desc')
    .limit(limit)
    .execute()
  return rows.map((row) => ({
    publicId: row.public_id,
    turnId: row.turn_id,
    appId: row.app_public_id,
    userId: row.user_public_id,
    rule: { id: row.rule_id, name: row.rule_name, kind: row.kind, action: row.action },
    where: row.direction,
    place: row.place,
    count: row.count,
    outage: row.outage === 1,
    excerpt: row.excerpt,
    createdAt: row.created_at,
  }))
}
