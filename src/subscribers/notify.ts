import type {
  BudgetCrossed,
  CircuitChanged,
  GuardrailHit,
  MemberChanged,
  WebhookDisabled,
  WorkflowSettled,
  WorkspaceRole,
} from '#contracts/index.ts'
import type { NewNotification, Notifications } from '#features/notifications/index.ts'
import type { AfterCommit } from '#jobs/index.ts'
import type { OutboxEvent, Transaction } from '#store/index.ts'

export interface NotifyDeps {
  notifications: Pick<Notifications, 'add' | 'ring'>
  now(): number
}

/** Told once an hour for each app and rule: whoever trips over a guardrail all day must not bury everything else. */
const guardrailEveryMs = 3_600_000
/** Two processes that give up the same upstream at the same time tell of it once. */
const circuitEveryMs = 10 * 60_000

/** Tells people what happened while they were doing something else. */
export async function notify(
  tx: Transaction,
  events: OutboxEvent[],
  { notifications, now, afterCommit }: NotifyDeps & { afterCommit: AfterCommit },
): Promise<void> {
  const drafts: NewNotification[] = []
  for (const event of events as unknown as Notable[]) drafts.push(...(await draftsOf(tx, event, now())))
  const users = await notifications.add(tx, drafts)
  afterCommit(() => notifications.ring(users))
}

type Notable = MemberChanged | WorkflowSettled | BudgetCrossed | CircuitChanged | GuardrailHit | WebhookDisabled

/** Who is told of an event, and in which words. Nobody, where what it names is gone. */
function draftsOf(tx: Transaction, event: Notable, now: number): Promise<NewNotification[]> {
  switch (event.type) {
    case 'member-changed':
      return ofMember(tx, event)
    case 'workflow-settled':
      return ofWorkflow(tx, event)
    case 'budget-crossed':
      return ofBudget(tx, event)
    case 'circuit-changed':
      return ofCircuit(tx, event)
    case 'guardrail-hit':
      return ofGuardrail(tx, event, now)
    case 'webhook-disabled':
      return ofWebhook(tx, event)
  }
}

/** The member, of being added and of a new role; administrators, of somebody new. Nobody is told of his own doing. */
async function ofMember(tx: Transaction, event: MemberChanged): Promise<NewNotification[]> {
  const { change, workspace, member, actor, role, at } = event
  if (change === 'removed') return []
  const name = await nameOfWorkspace(tx, workspace.id)
  const about = {
    workspaceId: workspace.id,
    source: `member/${change}/${workspace.id}/${member.id}/${at}`,
    actionUrl: `/api/v1/workspaces/${workspace.publicId}/members`,
    data: { workspace_id: workspace.publicId, user_id: member.publicId, role, by: actor.publicId },
  }
  if (name === undefined) return []
  const drafts: NewNotification[] = []
  if (member.id !== actor.id)
    drafts.push(
      change === 'added'
        ? {
            ...about,
            userId: member.id,
            kind: 'member_added',
            title: `You were added to ${name}`,
            body: `You are ${roleWords[role]} of the workspace ${name} now.`,
          }
        : {
            ...about,
            userId: member.id,
            kind: 'role_changed',
            title: `Your role in ${name} was changed`,
            body: `You are ${roleWords[role]} of the workspace ${name} now.`,
          },
    )
  if (change === 'role') return drafts
  const who = await nameOfUser(tx, member.id)
  for (const userId of await administratorsOf(tx, workspace.id))
    if (userId !== actor.id && userId !== member.id)
      drafts.push({
        ...about,
        userId,
        kind: 'member_added',
        title: `${who} was added to ${name}`,
        body: `${who} is ${roleWords[role]} of the workspace ${name} now.`,
      })
  return drafts
}

const roleWords: Record<WorkspaceRole, string> = { owner: 'an owner', admin: 'an administrator', member: 'a member' }

/** Who ran it. A run that was cancelled, or waits for something, is not over in a way that had to be told. */
async function ofWorkflow(tx: Transaction, event: WorkflowSettled): Promise<NewNotification[]> {
  const { status, turnId, appId, userId, workspaceId } = event
  if (status === 'cancelled' || status === 'paused') return []
  const app = await tx.db.selectFrom('apps').select(['name', 'public_id']).where('id', '=', appId).executeTakeFirst()
  if (!app) return []
  const done = status === 'completed'
  return [
    {
      userId,
      workspaceId,
      kind: done ? 'workflow_completed' : 'workflow_failed',
      source: `workflow/${turnId}`,
      title: done ? `${app.name} has finished` : `${app.name} has failed`,
      body: done
        ? `Your run of the workflow ${app.name} is complete.`
        : `Your run of the workflow ${app.name} ended before it was complete (${status}).`,
      actionUrl: `/api/v1/turns/${turnId}`,
      data: { turn_id: turnId, application_id: app.public_id, status },
    },
  ]
}

/** The workspace's administrators, once for each part of each budget. */
async function ofBudget(tx: Transaction, event: BudgetCrossed): Promise<NewNotification[]> {
  const { workspaceId, percent, budgetMicros, spentMicros } = event
  const name = await nameOfWorkspace(tx, workspaceId)
  if (name === undefined) return []
  const spent = percent >= 100
  return (await administratorsOf(tx, workspaceId)).map((userId) => ({
    userId,
    workspaceId,
    kind: 'budget_threshold',
    source: `budget/${workspaceId}/${budgetMicros}/${percent}`,
    title: spent ? `The budget of ${name} is spent` : `${percent}% of the budget of ${name} is spent`,
    body: `${dollars(spentMicros)} of ${dollars(budgetMicros)} are spent.${spent ? ' Further requests are refused.' : ''}`,
    actionUrl: '/api/v1/usage',
    data: { percent, budget_usd: budgetMicros / 1e6, spent_usd: spentMicros / 1e6 },
  }))
}

/** The administrators of this server. */
async function ofCircuit(tx: Transaction, { upstream, state, at }: CircuitChanged): Promise<NewNotification[]> {
  const admins = await tx.db
    .selectFrom('users')
    .select('id')
    .where('is_admin', '=', 1)
    .where('disabled', '=', 0)
    .execute()
  const down = state === 'open'
  return admins.map(({ id }) => ({
    userId: id,
    workspaceId: null,
    kind: down ? 'upstream_down' : 'upstream_recovered',
    source: `upstream/${upstream}/${state}/${Math.floor(at / circuitEveryMs)}`,
    title: down ? `The upstream ${upstream} is down` : `The upstream ${upstream} is back`,
    body: down
      ? `Calls to ${upstream} fail, so it is left out until it answers again.`
      : `${upstream} answers again and is used.`,
    actionUrl: null,
    data: { upstream, state },
  }))
}

/** The workspace's administrators. */
async function ofGuardrail(tx: Transaction, event: GuardrailHit, now: number): Promise<NewNotification[]> {
  const { workspaceId, appId, turnId, ruleId, rule, where } = event
  const app = appId === null ? undefined : await nameOfApp(tx, appId)
  return (await administratorsOf(tx, workspaceId)).map((userId) => ({
    userId,
    workspaceId,
    kind: 'guardrail_hit',
    source: `guardrail/${workspaceId}/${appId ?? ''}/${ruleId}/${Math.floor(now / guardrailEveryMs)}`,
    title: `A guardrail was violated${app === undefined ? '' : ` in ${app}`}`,
    body: `The rule ${rule} applied to what was said. You are told of it once an hour at most.`,
    actionUrl: `/api/v1/turns/${turnId}`,
    data: { rule, rule_id: ruleId, where, turn_id: turnId },
  }))
}

/** The workspace's administrators. Of the address only the host: the rest may be a secret. */
async function ofWebhook(tx: Transaction, event: WebhookDisabled): Promise<NewNotification[]> {
  const { workspaceId, webhookId, reason, at } = event
  const row = await tx.db.selectFrom('webhooks').select('url').where('public_id', '=', webhookId).executeTakeFirst()
  const host = row && URL.parse(row.url)?.host
  if (host === undefined) return []
  return (await administratorsOf(tx, workspaceId)).map((userId) => ({
    userId,
    workspaceId,
    kind: 'webhook_disabled',
    source: `webhook/${webhookId}/${at}`,
    title: `A webhook to ${host} was disabled`,
    body:
      reason === 'gone'
        ? `${host} says that it wants no more events. Those that were waiting can be replayed.`
        : `Nothing could be delivered to ${host} for days. What was not delivered can be replayed.`,
    actionUrl: `/v1/webhooks/${webhookId}`,
    data: { webhook_id: webhookId, reason },
  }))
}

async function administratorsOf(tx: Transaction, workspaceId: number): Promise<number[]> {
  const rows = await tx.db
    .selectFrom('memberships as m')
    .innerJoin('users as u', 'u.id', 'm.user_id')
    .select('m.user_id')
    .where('m.workspace_id', '=', workspaceId)
    .where('m.role', 'in', ['owner', 'admin'])
    .where('u.disabled', '=', 0)
    .orderBy('m.user_id')
    .execute()
  return rows.map((row) => row.user_id)
}

async function nameOfWorkspace(tx: Transaction, id: number): Promise<string | undefined> {
  return (await tx.db.selectFrom('workspaces').select('name').where('id', '=', id).executeTakeFirst())?.name
}

async function nameOfApp(tx: Transaction, id: number): Promise<string | undefined> {
  return (await tx.db.selectFrom('apps').select('name').where('id', '=', id).executeTakeFirst())?.name
}

/** As members see each other: by name, or by address where there is none. */
async function nameOfUser(tx: Transaction, id: number): Promise<string> {
  const row = await tx.db.selectFrom('users').select(['name', 'email']).where('id', '=', id).executeTakeFirst()
  return row === undefined ? 'Somebody' : row.name === '' ? row.email : row.name
}

function dollars(micros: number): string {
  return `$${(micros / 1e6).toFixed(2)}`
}
