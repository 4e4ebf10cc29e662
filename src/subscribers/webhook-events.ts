import type {
  BudgetCrossed,
  CircuitChanged,
  ConversationCreated,
  ConversationSettings,
  GuardrailHit,
  MemberChanged,
  UserRegistered,
  WorkflowSettled,
} from '#contracts/index.ts'
import type { Happening } from '#features/webhooks/index.ts'
import type { Transaction } from '#store/index.ts'

export type Told =
  | MemberChanged
  | WorkflowSettled
  | BudgetCrossed
  | CircuitChanged
  | GuardrailHit
  | ConversationCreated
  | UserRegistered

/** Two processes that give up the same upstream at the same time tell of it once, as subscribers/notify does. */
const circuitEveryMs = 10 * 60_000
/** What a statement may bind has a limit in both databases. */
const atOnce = 500

/** What webhooks are told of an event, in the words of docs/WEBHOOKS.md. None, where what it names is gone. */
export function happeningsOf(tx: Transaction, event: Told, now: number): Promise<Happening[]> {
  switch (event.type) {
    case 'conversation-created':
      return ofConversation(tx, event)
    case 'user-registered':
      return ofUser(tx, event)
    case 'circuit-changed':
      return ofCircuit(tx, event)
    case 'guardrail-hit':
      return ofGuardrail(tx, event)
    case 'workflow-settled':
      return ofWorkflow(tx, event)
    case 'budget-crossed':
      return ofBudget(tx, event, now)
    case 'member-changed':
      return Promise.resolve(ofMember(event))
    default:
      // What an earlier version queued by mistake must not keep back what is queued with it.
      return Promise.resolve([])
  }
}

/** Turns of conversations that have ended. */
export async function happeningsOfTurns(tx: Transaction, turns: readonly number[]): Promise<Happening[]> {
  const happenings: Happening[] = []
  for (let at = 0; at < turns.length; at += atOnce)
    for (const row of await turnRows(tx, turns.slice(at, at + atOnce)))
      happenings.push({
        event: 'conversation.completed',
        source: `turn/${row.public_id}`,
        at: row.ended_at ?? row.created_at,
        workspaceId: row.workspace_id,
        data: {
          conversation_id: row.conversation,
          turn_id: row.public_id,
          user_id: row.visitor === 1 ? null : row.user,
          ...(row.app !== null && { application_id: row.app }),
          model: row.model,
          status: row.status,
          finish_reason: row.finish_reason,
          usage: {
            prompt_tokens: row.input_tokens,
            completion_tokens: row.output_tokens,
            total_tokens: row.input_tokens + row.output_tokens,
          },
          cost: row.cost_micros / 1e6,
        },
      })
  return happenings
}

function turnRows(tx: Transaction, ids: readonly number[]) {
  return tx.db
    .selectFrom('turns as t')
    .innerJoin('conversations as c', 'c.id', 't.conversation_id')
    .innerJoin('users as u', 'u.id', 't.user_id')
    .leftJoin('apps as a', 'a.id', 't.app_id')
    .selectAll('t')
    .select(['c.public_id as conversation', 'u.public_id as user', 'a.public_id as app'])
    .where('t.id', 'in', ids)
    .where('t.status', '!=', 'running')
    .orderBy('t.id')
    .execute()
}

async function ofConversation(tx: Transaction, event: ConversationCreated): Promise<Happening[]> {
  const row = await tx.db
    .selectFrom('conversations as c')
    .innerJoin('users as u', 'u.id', 'c.user_id')
    .leftJoin('apps as a', 'a.id', 'c.app_id')
    .select(['c.public_id', 'c.settings', 'c.visitor', 'u.public_id as user', 'a.public_id as app'])
    .where('c.id', '=', event.conversation)
    .executeTakeFirst()
  if (!row) return []
  const { model } = JSON.parse(row.settings) as ConversationSettings
  return [
    {
      event: 'conversation.created',
      source: `conversation/${row.public_id}`,
      at: event.at,
      workspaceId: event.workspaceId,
      data: {
        conversation_id: row.public_id,
        user_id: row.visitor === 1 ? null : row.user,
        ...(row.app !== null && { application_id: row.app }),
        ...(model !== undefined && { model }),
      },
    },
  ]
}

async function ofUser(tx: Transaction, event: UserRegistered): Promise<Happening[]> {
  const row = await tx.db.selectFrom('users').selectAll().where('id', '=', event.user).executeTakeFirst()
  if (!row || row.erased_at !== null) return []
  return [
    {
      event: 'user.registered',
      source: `user/${row.public_id}`,
      at: event.at,
      workspaceId: null,
      data: { user_id: row.public_id, username: row.name, email: row.email },
      userId: row.id,
    },
  ]
}

async function ofCircuit(tx: Transaction, { upstream, state, at }: CircuitChanged): Promise<Happening[]> {
  const row = await tx.db.selectFrom('upstreams').select('public_id').where('name', '=', upstream).executeTakeFirst()
  const words = { open: 'unhealthy', closed: 'healthy' } as const
  return [
    {
      event: 'channel.health_changed',
      source: `upstream/${upstream}/${state}/${Math.floor(at / circuitEveryMs)}`,
      at,
      workspaceId: null,
      data: {
        channel_id: row?.public_id ?? null,
        name: upstream,
        previous_status: words[state === 'open' ? 'closed' : 'open'],
        status: words[state],
      },
    },
  ]
}

async function ofGuardrail(tx: Transaction, event: GuardrailHit): Promise<Happening[]> {
  const { workspaceId, appId, turnId, ruleId, rule, where, violationId, redacted } = event
  const app = appId === null ? undefined : await publicIdOfApp(tx, appId)
  const row = await tx.db
    .selectFrom('guardrail_violations')
    .select('created_at')
    .where('public_id', '=', violationId)
    .executeTakeFirst()
  if (!row) return []
  return [
    {
      event: 'guardrail.hit',
      source: `violation/${violationId}`,
      at: row.created_at,
      workspaceId,
      data: {
        rule,
        rule_id: ruleId,
        where,
        turn_id: turnId,
        ...(app !== undefined && { application_id: app }),
        ...(redacted && { redacted }),
      },
    },
  ]
}

/** A run that was cancelled, or waits for something, has neither completed nor failed. */
async function ofWorkflow(tx: Transaction, event: WorkflowSettled): Promise<Happening[]> {
  const { workspaceId, userId, appId, turnId, status } = event
  if (status === 'cancelled' || status === 'paused') return []
  const row = await tx.db
    .selectFrom('turns as t')
    .innerJoin('users as u', 'u.id', 't.user_id')
    .select(['t.created_at', 't.ended_at', 'u.public_id as user'])
    .where('t.public_id', '=', turnId)
    .where('t.user_id', '=', userId)
    .executeTakeFirst()
  if (!row) return []
  const app = await publicIdOfApp(tx, appId)
  return [
    {
      event: status === 'completed' ? 'workflow.completed' : 'workflow.failed',
      source: `workflow/${turnId}`,
      at: row.ended_at ?? row.created_at,
      workspaceId,
      data: { turn_id: turnId, ...(app !== undefined && { application_id: app }), user_id: row.user, status },
    },
  ]
}

async function ofBudget(tx: Transaction, event: BudgetCrossed, now: number): Promise<Happening[]> {
  const { workspaceId, percent, budgetMicros, spentMicros } = event
  const row = await tx.db.selectFrom('workspaces').select('public_id').where('id', '=', workspaceId).executeTakeFirst()
  if (!row) return []
  return [
    {
      event: 'usage.threshold_reached',
      source: `budget/${workspaceId}/${budgetMicros}/${percent}/${spentMicros}`,
      at: now,
      workspaceId,
      data: {
        // What is spent up is the workspace's, whoever spent it.
        user_id: null,
        workspace_id: row.public_id,
        threshold: percent,
        current_usage: spentMicros / 1e6,
        limit: budgetMicros / 1e6,
      },
    },
  ]
}

function ofMember({ change, workspace, member, role, actor, at }: MemberChanged): Happening[] {
  if (change === 'role') return []
  return [
    {
      event: change === 'added' ? 'member.added' : 'member.removed',
      source: `member/${change}/${workspace.publicId}/${member.publicId}/${at}`,
      at,
      workspaceId: workspace.id,
      data: { workspace_id: workspace.publicId, user_id: member.publicId, role, by: actor.publicId },
    },
  ]
}

async function publicIdOfApp(tx: Transaction, id: number): Promise<string | undefined> {
  return (await tx.db.selectFrom('apps').select('public_id').where('id', '=', id).executeTakeFirst())?.public_id
}
