import { setImmediate as breath } from 'node:timers/promises'
import { isBound, type Principal } from '#contracts/index.ts'
import { AppError } from '#errors/index.ts'
import { requirePerson } from '#features/users/index.ts'
import type { RetentionDeps } from './deps.ts'
import { idsOf, iso, type Scope, type TextStore } from './text-store.ts'

/** What the records of a store are called, one by one. */
const typeOf: Record<string, string> = {
  turns: 'turn',
  conversations: 'conversation',
  idempotency_keys: 'idempotency_key',
  notifications: 'notification',
  plugin_executions: 'plugin_execution',
  feedback: 'feedback',
  guardrail_violations: 'guardrail_violation',
  api_keys: 'api_key',
}

const mostAtOnce = 4
let underWay = 0

/**
 * Everything that is held about the caller as JSON lines (docs/RETENTION.md), read as it is taken. With a credential that
 * is bound to a workspace: of that one. Throws, before the first line, `forbidden` for a key and `overloaded`. It has its
 * place among those under way from the call on, until it ends or is returned.
 */
export function exportOwn(
  deps: Pick<RetentionDeps, 'database' | 'now'> & { stores: readonly TextStore[] },
  principal: Principal,
): AsyncIterableIterator<string> {
  requirePerson(principal)
  const leave = enter()
  const made = lines(deps, principal, leave)
  return {
    next: () => made.next(),
    // What was never begun has no `finally` to come through.
    return: () => made.return(undefined).finally(leave),
    [Symbol.asyncIterator]() {
      return this
    },
  }
}

/** Takes a place; returns how to give it back, which may be done more than once. Throws `overloaded` when there is none. */
function enter(): () => void {
  if (underWay >= mostAtOnce)
    throw new AppError('overloaded', 'Too many exports are being made now', { retryAfterMs: 30_000 })
  underWay++
  let left = false
  return () => {
    if (!left) underWay--
    left = true
  }
}

async function* lines(
  deps: Pick<RetentionDeps, 'database' | 'now'> & { stores: readonly TextStore[] },
  principal: Principal,
  leave: () => void,
): AsyncGenerator<string> {
  const counts: Record<string, number> = {}
  const line = (type: string, record: object) => {
    counts[type] = (counts[type] ?? 0) + 1
    return `${JSON.stringify({ type, ...record })}\n`
  }
  const workspaceIds = isBound(principal) ? [principal.workspace.id] : undefined
  try {
    const until = deps.now()
    yield line('export', { format: 1, user_id: principal.user.publicId, at: iso(until) })
    for await (const [type, record] of accountOf(deps, principal)) yield line(type, record)
    const user = { userId: principal.user.id, ...(workspaceIds && { workspaceIds }) }
    const scope: Scope = { ...user, until, evenEmpty: true }
    for (const store of deps.stores) {
      const type = typeOf[store.name]
      if (type === undefined) continue
      for (let after = 0, done = false; !done; ) {
        // SQLite answers without going round the event loop, and a quick reader never makes anybody wait: all others would.
        await breath()
        const found = await store.find(deps.database, scope, after)
        const records = found.rows.length === 0 ? [] : await store.read(deps.database, idsOf(found.rows))
        for (const record of records) yield line(type, record)
        after = found.reached
        done = found.done
      }
    }
    yield line('end', { counts: { ...counts } })
  } finally {
    leave()
  }
}

async function* accountOf(
  { database }: Pick<RetentionDeps, 'database'>,
  principal: Principal,
): AsyncGenerator<[string, object]> {
  const { id } = principal.user
  const user = await database.read.selectFrom('users').selectAll().where('id', '=', id).executeTakeFirst()
  if (!user) return
  yield [
    'account',
    {
      id: user.public_id,
      email: user.email,
      full_name: user.name,
      is_admin: user.is_admin === 1,
      created_at: iso(user.created_at),
      updated_at: iso(user.updated_at),
    },
  ]
  const identities = await database.read.selectFrom('identities').selectAll().where('user_id', '=', id).execute()
  for (const { issuer, subject, created_at } of identities)
    yield ['identity', { issuer, subject, created_at: iso(created_at) }]
  const memberships = await database.read
    .selectFrom('memberships as m')
    .innerJoin('workspaces as w', 'w.id', 'm.workspace_id')
    .select(['w.id', 'w.public_id', 'w.name', 'm.role', 'm.created_at'])
    .where('m.user_id', '=', id)
    .orderBy('m.created_at')
    .execute()
  for (const one of memberships)
    if (!isBound(principal) || one.id === principal.workspace.id)
      yield [
        'membership',
        { workspace_id: one.public_id, workspace_name: one.name, role: one.role, joined_at: iso(one.created_at) },
      ]
  const sessions = await database.read.selectFrom('sessions').selectAll().where('user_id', '=', id).execute()
  for (const one of sessions)
    yield [
      'session',
      {
        id: one.public_id,
        created_at: iso(one.created_at),
        expires_at: iso(one.expires_at),
        revoked_at: iso(one.revoked_at),
      },
    ]
}
