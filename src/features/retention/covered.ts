import { sql } from 'kysely'
import type { Database, Transaction } from '#store/index.ts'
import type { TextRow } from './text-store.ts'

/** Any number, as long as it is always the same and no other lock's. */
const holdsLock = 7_212_753_902

/**
 * From here to the commit nobody removes what a hold might cover, or, `shared`, nobody places a hold: so that nothing is
 * removed once a hold has been answered. SQLite writes one transaction at a time anyhow.
 */
export async function lockHolds(tx: Transaction, dialect: Database['dialect'], shared: boolean): Promise<void> {
  if (dialect !== 'postgres') return
  if (shared) await sql`select pg_advisory_xact_lock_shared(${sql.lit(holdsLock)})`.execute(tx.db)
  else await sql`select pg_advisory_xact_lock(${sql.lit(holdsLock)})`.execute(tx.db)
}

/** Which of these rows a hold covers, as it stands until the commit. */
export async function coveredRows(
  tx: Transaction,
  dialect: Database['dialect'],
  rows: readonly TextRow[],
): Promise<Set<TextRow>> {
  await lockHolds(tx, dialect, true)
  const workspaces = new Set(rows.map((row) => row.workspaceId).filter((id) => id !== null))
  if (workspaces.size === 0) return new Set()
  const holds = await tx.db
    .selectFrom('legal_holds')
    .select(['workspace_id', 'app_id', 'conversation_id'])
    .where('workspace_id', 'in', [...workspaces])
    .where('lifted_at', 'is', null)
    .execute()
  if (holds.length === 0) return new Set()
  const covers = (hold: (typeof holds)[number], row: TextRow) =>
    hold.workspace_id === row.workspaceId &&
    (row.anyHold === true ||
      ((hold.app_id === null || hold.app_id === row.appId) &&
        (hold.conversation_id === null || hold.conversation_id === row.conversationId)))
  return new Set(rows.filter((row) => holds.some((hold) => covers(hold, row))))
}
