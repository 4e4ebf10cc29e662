import type { Transaction } from '#store/index.ts'
import type { RetentionDeps } from './deps.ts'
import { type Batch, eraseBatch } from './erase-batch.ts'
import { eraseFiles } from './files.ts'
import { findErasure } from './store.ts'
import { isLate, settledUpTo } from './stores/turns.ts'
import type { Scope, TextStore } from './text-store.ts'

export interface RunDeps extends RetentionDeps {
  stores: readonly TextStore[]
  /** True: stop after the batch that is under way. */
  stopping(): boolean
}

/** Where files stand among the stores: last, since they are copies. */
const files = 'files'

/** Somebody else is at the same erasure and was quicker. */
class Overtaken extends Error {}

/**
 * Goes on with an erasure until it is complete, from where it was left; does nothing to one that is. Two processes may try:
 * each batch says from where it went on, and only one of them is right. Throws what the database or the storage throws.
 */
export async function runErasure(deps: RunDeps, id: number): Promise<void> {
  const { database } = deps
  const row = await findErasure(database, { id })
  if (row?.status !== 'running') return
  const names = [...deps.stores.map((store) => store.name), files]
  let at = { store: row.store, after: row.after }
  const removed = JSON.parse(row.removed) as Record<string, number>
  const kept = JSON.parse(row.kept) as Record<string, number>
  const scope: Scope = {
    userId: row.user_id,
    until: row.created_at,
    since: row.user_since,
    ...(row.workspace_id !== null && { workspaceIds: [row.workspace_id] }),
    ...(row.anonymised === 1 && { forgotten: row.user_public_id }),
  }

  /** Writes where it is now, and what that came to, if nobody else has moved it meanwhile. */
  async function save(tx: Transaction, to: { store: string; after: number }, more: Partial<Batch>): Promise<void> {
    const counted = (known: Record<string, number>, count = 0) =>
      JSON.stringify(count === 0 ? known : { ...known, [to.store]: (known[to.store] ?? 0) + count })
    const result = await tx.db
      .updateTable('erasures')
      .set({ ...to, removed: counted(removed, more.removed), kept: counted(kept, more.kept) })
      .where('id', '=', id)
      .where('status', '=', 'running')
      .where('store', at.store === null ? 'is' : '=', at.store)
      .where('after', '=', at.after)
      .executeTakeFirst()
    if (Number(result.numUpdatedRows) !== 1) throw new Overtaken()
  }

  function moved(to: { store: string; after: number }, more: Partial<Batch>): void {
    at = to
    if (more.removed) removed[to.store] = (removed[to.store] ?? 0) + more.removed
    if (more.kept) kept[to.store] = (kept[to.store] ?? 0) + more.kept
  }

  async function runStore(store: TextStore, from: number): Promise<void> {
    for (let after = from, done = false; !done && !deps.stopping(); ) {
      const batch: Batch = await eraseBatch(database, store, scope, after, (tx, made) =>
        save(tx, { store: store.name, after: made.reached }, made),
      )
      after = batch.reached
      done = batch.done
      if (batch.removed + batch.kept > 0) moved({ store: store.name, after }, batch)
    }
  }

  async function runFiles(): Promise<void> {
    const sum = { removed: 0, kept: 0 }
    for (const workspace of await workspacesOf(deps, row!.user_id, row!.workspace_id)) {
      if (deps.stopping()) return
      // Whenever they were made by the storage's clock, which is not ours: who is making one now is told to ask again.
      const { removed, kept } = await eraseFiles(deps, workspace, Number.POSITIVE_INFINITY)
      sum.removed += removed
      sum.kept += kept
    }
    const to = { store: files, after: 0 }
    await database.write((tx) => save(tx, to, sum))
    moved(to, sum)
  }

  try {
    // What has just been said is on its way into the history, from where it could not be taken before it is there.
    await deps.catchUp()
    const first = Math.max(0, at.store === null ? 0 : names.indexOf(at.store))
    for (const [index, store] of deps.stores.entries())
      if (index >= first && !deps.stopping()) await runStore(store, index === first ? at.after : 0)
    if (!deps.stopping()) await runFiles()
    if (deps.stopping()) return
    await database.write(async (tx) => {
      await save(tx, { store: files, after: at.after }, {})
      const seenTurn = await settledUpTo(tx, row.user_id)
      await tx.db
        .updateTable('erasures')
        .set({ status: 'completed', seen_turn: seenTurn, ended_at: deps.now() })
        .where('id', '=', id)
        .execute()
    })
  } catch (thrown) {
    if (!(thrown instanceof Overtaken)) throw thrown
  }
}

/**
 * Takes up again an erasure during which an answer was still being given, once that is there. What is old enough has nothing
 * more to come.
 */
export async function reopenIfLate(
  { database }: Pick<RetentionDeps, 'database'>,
  erasure: { id: number; user_id: number; workspace_id: number | null; created_at: number; seen_turn: number },
): Promise<boolean> {
  const scope: Scope = {
    userId: erasure.user_id,
    until: erasure.created_at,
    ...(erasure.workspace_id !== null && { workspaceIds: [erasure.workspace_id] }),
  }
  if (!(await isLate(database, scope, erasure.seen_turn))) return false
  await database.write((tx) =>
    tx.db
      .updateTable('erasures')
      .set({ status: 'running', store: null, after: 0, kept: '{}', ended_at: null })
      .where('id', '=', erasure.id)
      .where('status', '=', 'completed')
      .execute(),
  )
  return true
}

async function workspacesOf({ database }: RetentionDeps, userId: number, workspaceId: number | null) {
  const query = database.read.selectFrom('workspaces').select(['id', 'public_id as publicId'])
  if (workspaceId !== null) return query.where('id', '=', workspaceId).execute()
  return query
    .where((eb) =>
      eb.or([
        eb('id', 'in', eb.selectFrom('conversations').select('workspace_id').where('user_id', '=', userId)),
        eb('id', 'in', eb.selectFrom('usage_hourly').select('workspace_id').where('user_id', '=', userId)),
      ]),
    )
    .execute()
}
