import { sql } from 'kysely'
import type { BudgetCrossed } from '#contracts/index.ts'
import { AppError } from '#errors/index.ts'
import { type Database, statement, type Transaction } from '#store/index.ts'

/** Changes a row only while the workspace can pay: reserved and spent together never pass the budget. */
const reserveBudget = statement<{ workspaceId: number; micros: number }>('reserve-budget', (db, p) =>
  db
    .updateTable('workspaces')
    .set({ reserved_micros: sql`reserved_micros + ${p('micros')}` })
    .where('id', '=', p('workspaceId'))
    .where((eb) =>
      eb.or([
        eb('budget_micros', 'is', null),
        eb(sql<number>`spent_micros + reserved_micros + ${p('micros')}`, '<=', eb.ref('budget_micros')),
      ]),
    ),
)

const settleBudget = statement<{ workspaceId: number; reservedMicros: number; costMicros: number }>(
  'settle-budget',
  (db, p) =>
    db
      .updateTable('workspaces')
      .set({
        reserved_micros: sql`reserved_micros - ${p('reservedMicros')}`,
        spent_micros: sql`spent_micros + ${p('costMicros')}`,
      })
      .where('id', '=', p('workspaceId')),
)

/** The same where a budget was reserved from: also tells what has come of it. */
const settleLimited = statement<{ workspaceId: number; reservedMicros: number; costMicros: number }>(
  'settle-limited-budget',
  (db, p) =>
    db
      .updateTable('workspaces')
      .set({
        reserved_micros: sql`reserved_micros - ${p('reservedMicros')}`,
        spent_micros: sql`spent_micros + ${p('costMicros')}`,
      })
      .where('id', '=', p('workspaceId'))
      .returning(['budget_micros', 'spent_micros']),
)

/** Parts of a budget, in percent, whose being spent is told. */
const toldPercents = [100, 80, 50]

/**
 * Takes `micros` out of the workspace's budget until `settleReserved`, at the end of the transaction. Where there is not
 * so much the transaction fails with `quota-exceeded`.
 */
export function reserve(tx: Transaction, workspaceId: number, micros: number): void {
  tx.atEnd('workspaces', workspaceId, async () => {
    const { changes } = await tx.run(reserveBudget, { workspaceId, micros })
    if (changes === 0)
      throw new AppError('quota-exceeded', 'The workspace’s budget is spent', { details: { reservedMicros: micros } })
  })
}

/**
 * Gives back what was reserved and books what it cost. Belongs into the transaction that ends the turn. Of a workspace
 * with a budget it tells `budget-crossed` when this came to another part of it.
 */
export function settleReserved(tx: Transaction, workspaceId: number, reservedMicros: number, cost: number): void {
  if (reservedMicros === 0 && cost === 0) return
  tx.atEnd('workspaces', workspaceId, () => book(tx, workspaceId, reservedMicros, cost))
}

async function book(tx: Transaction, workspaceId: number, reservedMicros: number, cost: number): Promise<void> {
  const values = { workspaceId, reservedMicros, costMicros: cost }
  // Only who has a budget reserves: everybody else's settlement reads nothing back.
  if (reservedMicros === 0) return void (await tx.run(settleBudget, values))
  const { rows } = await tx.run(settleLimited, values)
  const crossed = rows[0] && crossing(workspaceId, rows[0], cost)
  if (crossed) tx.tell(crossed)
}

/** The highest part of the budget that this cost has brought the spending to. */
function crossing(workspaceId: number, row: Record<string, unknown>, cost: number): BudgetCrossed | undefined {
  if (row.budget_micros === null || cost === 0) return undefined
  const budgetMicros = Number(row.budget_micros)
  const spentMicros = Number(row.spent_micros)
  const percent = toldPercents.find((one) => {
    const line = (budgetMicros / 100) * one
    return spentMicros >= line && spentMicros - cost < line
  })
  return percent === undefined ? undefined : { type: 'budget-crossed', workspaceId, percent, budgetMicros, spentMicros }
}

/** How long a workspace's having no budget is believed without asking. */
const believedMs = 5_000

/** Tells whether a workspace has a budget at all; those without one need no reservation. */
export function budgets(deps: { database: Database; now: () => number }) {
  const known = new Map<number, { limited: boolean; until: number }>()

  async function look(workspaceId: number, now: number): Promise<boolean> {
    const row = await deps.database.read
      .selectFrom('workspaces')
      .select('budget_micros')
      .where('id', '=', workspaceId)
      .executeTakeFirst()
    const limited = row?.budget_micros != null
    if (known.size > 10_000) known.clear()
    known.set(workspaceId, { limited, until: now + believedMs })
    return limited
  }

  return {
    isLimited(workspaceId: number): boolean | Promise<boolean> {
      const now = deps.now()
      const found = known.get(workspaceId)
      return found && found.until > now ? found.limited : look(workspaceId, now)
    },
  }
}
