import { sql } from 'kysely'
import type { Transaction } from '#store/index.ts'
import { isServerWide, type WebhookEvent } from './events.ts'
import { messageOf } from './webhooks.ts'

/** Something that webhooks may want to be told of. */
export interface Happening {
  event: WebhookEvent
  /** Names it: a webhook is told once of each source. */
  source: string
  /** Unix ms. */
  at: number
  /** Null: of the whole server. */
  workspaceId: number | null
  data: object
  /** Whose name and address are in the data. */
  userId?: number
}

/** What a statement may bind has a limit in both databases. */
const atOnce = 500

/** Writes what is to be sent to whom; gives how many deliveries that are. Nothing is added twice. */
export async function addDeliveries(tx: Transaction, happenings: readonly Happening[], now: number): Promise<number> {
  const hooks = await listenersOf(tx, happenings)
  const rows = happenings.flatMap((happening) =>
    hooks
      .filter((hook) => wants(hook, happening))
      .map((hook) => {
        const { id, body } = messageOf(happening.event, happening.data, happening.at, now)
        return {
          public_id: id,
          webhook_id: hook.id,
          source: happening.source,
          event: happening.event,
          payload: body,
          user_id: happening.userId ?? null,
          status: 'pending' as const,
          attempts: 0,
          due_at: now,
          response_status: null,
          latency_ms: null,
          error: null,
          created_at: now,
          ended_at: null,
        }
      }),
  )
  for (let at = 0; at < rows.length; at += atOnce)
    await tx.db
      .insertInto('webhook_deliveries')
      .values(rows.slice(at, at + atOnce))
      .onConflict((conflict) => conflict.columns(['webhook_id', 'source']).doNothing())
      .execute()
  return rows.length
}

interface Listener {
  id: number
  workspaceId: number
  events: string
  createdAt: number
  /** Who made it administers the server now. */
  isVouched: boolean
}

function wants(hook: Listener, { event, workspaceId, at }: Happening): boolean {
  if (!hook.events.includes(`"${event}"`) || at < hook.createdAt) return false
  return isServerWide(event) ? hook.isVouched : hook.workspaceId === workspaceId
}

async function listenersOf(tx: Transaction, happenings: readonly Happening[]): Promise<Listener[]> {
  const ids = [...new Set(happenings.map((one) => one.workspaceId).filter((id) => id !== null))]
  const found: Listener[] = []
  for (let at = 0; at < ids.length; at += atOnce)
    found.push(
      ...(
        await enabled(tx)
          .where('w.workspace_id', 'in', ids.slice(at, at + atOnce))
          .execute()
      ).map(toListener),
    )
  if (happenings.some(({ event }) => isServerWide(event))) {
    const known = new Set(found.map(({ id }) => id))
    const wide = await enabled(tx).where('w.server_wide', '=', 1).execute()
    found.push(...wide.map(toListener).filter(({ id }) => !known.has(id)))
  }
  return found
}

function enabled(tx: Transaction) {
  return tx.db
    .selectFrom('webhooks as w')
    .innerJoin('users as u', 'u.id', 'w.created_by')
    .select(['w.id', 'w.workspace_id', 'w.events', 'w.created_at', 'u.is_admin', 'u.disabled'])
    .where('w.enabled', '=', 1)
}

function toListener(row: Awaited<ReturnType<ReturnType<typeof enabled>['executeTakeFirstOrThrow']>>): Listener {
  return {
    id: row.id,
    workspaceId: row.workspace_id,
    events: row.events,
    createdAt: row.created_at,
    isVouched: row.is_admin === 1 && row.disabled === 0,
  }
}

/** Of these turns those of conversations in whose workspace there is a webhook. */
export async function turnsWithListener(tx: Transaction, turns: readonly number[]): Promise<number[]> {
  const found: number[] = []
  for (let at = 0; at < turns.length; at += atOnce) {
    const rows = await tx.db
      .selectFrom('turns as t')
      .select('t.id')
      .where('t.id', 'in', turns.slice(at, at + atOnce))
      .where('t.conversation_id', 'is not', null)
      .where(sql<boolean>`exists (select 1 from webhooks w where w.workspace_id = t.workspace_id and w.enabled = 1)`)
      .execute()
    found.push(...rows.map((row) => row.id))
  }
  return found
}

/** Of these workspaces those that have a webhook. */
export async function workspacesWithListener(tx: Transaction, ids: readonly number[]): Promise<Set<number>> {
  const found = new Set<number>()
  for (let at = 0; at < ids.length; at += atOnce) {
    const rows = await tx.db
      .selectFrom('webhooks')
      .select('workspace_id')
      .distinct()
      .where('workspace_id', 'in', ids.slice(at, at + atOnce))
      .where('enabled', '=', 1)
      .execute()
    for (const row of rows) found.add(row.workspace_id)
  }
  return found
}

/** Whether any webhook listens to what concerns the server. */
export async function hasServerListener(tx: Transaction): Promise<boolean> {
  const row = await tx.db
    .selectFrom('webhooks')
    .select('id')
    .where('server_wide', '=', 1)
    .where('enabled', '=', 1)
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}
