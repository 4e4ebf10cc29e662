import { sql } from 'kysely'
import { uuidFloor } from '#lib/uuid-floor.ts'
import type { Transaction } from '#store/index.ts'
import { lockHolds } from './covered.ts'
import { eraseBatch } from './erase-batch.ts'
import { eraseFiles } from './files.ts'
import type { RunDeps } from './run-erasure.ts'
import { batchSize, type Scope, type TextStore } from './text-store.ts'

const dayMs = 86_400_000
/** Workspaces whose rows are looked for together. */
const groupSize = 500

/** Workspaces that keep text equally long and whose removal came equally far. */
interface Group {
  days: number
  workspaceIds: number[]
  upTo: number
}

/** What keeps a workspace's text was changed, or another process has gone on: what was read does not count any more. */
class Stale extends Error {}

/**
 * Removes what is too old, as far as it comes before `stopping` says so. What fails holds up nothing else; the first such
 * failure is thrown at the end.
 */
export async function eraseByAge(deps: RunDeps): Promise<void> {
  const { database } = deps
  const workspaces = await database.read
    .selectFrom('workspaces')
    .select(['id', 'public_id as publicId', 'retention_days as days'])
    .where('retention_days', 'is not', null)
    .orderBy('id')
    .execute()
  if (workspaces.length > 0) await bringBack(deps)
  const failures: unknown[] = []
  const tried = (work: Promise<unknown>) => work.catch((thrown: unknown) => failures.push(thrown))
  for (const [days, own] of Map.groupBy(workspaces, (workspace) => workspace.days!)) {
    const until = deps.now() - days * dayMs
    const ids = own.map((workspace) => workspace.id)
    for (const store of deps.stores)
      if (store.personal !== true)
        for (const group of await groupsOf(deps, store, days, ids)) await tried(eraseOfGroup(deps, store, group, until))
    for (const workspace of own) if (!deps.stopping()) await tried(eraseFiles(deps, workspace, until))
  }
  if (failures.length > 0) throw failures[0]
}

/**
 * What is dated days ahead was said before the clock was set back: without this it would be kept for as long again, and with a
 * turn or conversation all that were begun after it.
 */
async function bringBack({ database, now }: RunDeps): Promise<void> {
  const at = now()
  const ahead = at + dayMs
  for (const table of ['turns', 'conversations', 'feedback', 'guardrail_violations'] as const) {
    // Ids are not older than their rows, and there is an index of them.
    const query = database.read
      .selectFrom(table)
      .select('id')
      .where('public_id', '>=', uuidFloor(ahead))
      .where('created_at', '>', ahead)
      .orderBy('public_id')
      .limit(batchSize)
    for (let found = await query.execute(); found.length > 0; found = await query.execute()) {
      const ids = found.map(({ id }) => id)
      await database.write((tx) => tx.db.updateTable(table).set({ created_at: at }).where('id', 'in', ids).execute())
    }
  }
}

async function groupsOf(deps: RunDeps, store: TextStore, days: number, ids: number[]): Promise<Group[]> {
  const progress = store.ordered ? await progressOf(deps, store, ids) : new Map<number, number>()
  const groups: Group[] = []
  for (const [upTo, same] of Map.groupBy(ids, (id) => progress.get(id) ?? 0))
    for (let at = 0; at < same.length; at += groupSize)
      groups.push({ days, workspaceIds: same.slice(at, at + groupSize), upTo })
  return groups
}

async function progressOf({ database }: RunDeps, store: TextStore, ids: number[]): Promise<Map<number, number>> {
  const found = new Map<number, number>()
  for (let at = 0; at < ids.length; at += groupSize) {
    const rows = await database.read
      .selectFrom('retention_progress')
      .select(['workspace_id', 'up_to'])
      .where('store', '=', store.name)
      .where('workspace_id', 'in', ids.slice(at, at + groupSize))
      .execute()
    for (const row of rows) found.set(row.workspace_id, row.up_to)
  }
  return found
}

async function eraseOfGroup(deps: RunDeps, store: TextStore, group: Group, until: number): Promise<void> {
  const { database } = deps
  const scope: Scope = { workspaceIds: group.workspaceIds, until }
  let saved = group.upTo
  const save = async (tx: Transaction, reached: number) => {
    await requirePolicy(deps, tx, group)
    if (store.ordered) await saveProgress(tx, store, group, saved, reached)
  }
  try {
    let after = saved
    for (let done = false; !done && !deps.stopping(); ) {
      const batch = await eraseBatch(database, store, scope, after, (tx, made) => save(tx, made.reached))
      after = batch.reached
      done = batch.done
      if (batch.removed + batch.kept > 0) saved = after
    }
    if (store.ordered && after > saved) await database.write((tx) => save(tx, after))
  } catch (thrown) {
    if (!(thrown instanceof Stale)) throw thrown
  }
}

/** A policy that was changed holds from its answer on, also for the batch that is under way. */
async function requirePolicy({ database }: RunDeps, tx: Transaction, group: Group): Promise<void> {
  await lockHolds(tx, database.dialect, true)
  const { same } = await tx.db
    .selectFrom('workspaces')
    .select((eb) => eb.fn.countAll<number>().as('same'))
    .where('id', 'in', group.workspaceIds)
    .where('retention_days', '=', group.days)
    .executeTakeFirstOrThrow()
  if (Number(same) !== group.workspaceIds.length) throw new Stale()
}

/** Unless somebody else has moved it, above all back to the beginning because a hold was lifted. */
async function saveProgress(tx: Transaction, store: TextStore, group: Group, from: number, to: number): Promise<void> {
  const result = await tx.db
    .insertInto('retention_progress')
    .values(group.workspaceIds.map((workspace_id) => ({ workspace_id, store: store.name, up_to: to })))
    .onConflict((conflict) =>
      conflict
        .columns(['workspace_id', 'store'])
        .doUpdateSet({ up_to: sql`excluded.up_to` })
        .where('retention_progress.up_to', '=', from),
    )
    .executeTakeFirst()
  if (Number(result.numInsertedOrUpdatedRows) !== group.workspaceIds.length) throw new Stale()
}
