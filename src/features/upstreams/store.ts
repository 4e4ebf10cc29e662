import type { Selectable } from 'kysely'
import type { Price } from '#contracts/index.ts'
import type { Database, Schema, Transaction } from '#store/index.ts'

export type UpstreamRow = Selectable<Schema['upstreams']>

/** Rows change only together with `updated_at`, so this names the state of the whole table. */
export async function readVersion(db: Database['read']): Promise<string> {
  const rows = await db.selectFrom('upstreams').select(['id', 'updated_at']).orderBy('id').execute()
  return rows.map((row) => `${row.id}:${row.updated_at}`).join()
}

export function readRows(db: Database['read']): Promise<UpstreamRow[]> {
  return db.selectFrom('upstreams').selectAll().orderBy('id').execute()
}

/** Changes a row that was read in the same transaction. `updated_at` grows even where a clock was set back. */
export async function changeRow(tx: Transaction, row: UpstreamRow, change: Partial<UpstreamRow>, now: number) {
  const updated = { ...change, updated_at: Math.max(now, row.updated_at + 1) }
  await tx.db.updateTable('upstreams').set(updated).where('id', '=', row.id).execute()
  return { ...row, ...updated }
}

/** Keeps what an upstream listed, unless the row was changed to something else meanwhile. */
export async function storeModels(
  tx: Transaction,
  upstream: { id: number; endpoint: { url: string } },
  models: readonly string[],
  now: number,
): Promise<void> {
  const row = await tx.db.selectFrom('upstreams').selectAll().where('id', '=', upstream.id).executeTakeFirst()
  const text = JSON.stringify(models)
  if (row && row.endpoint === upstream.endpoint.url && row.models !== text)
    await changeRow(tx, row, { models: text }, now)
}

export function readNames(json: string): string[] {
  const names: unknown = JSON.parse(json)
  return Array.isArray(names) ? names.filter((name) => typeof name === 'string') : []
}

export function readObject(json: string): Record<string, unknown> {
  const object: unknown = JSON.parse(json)
  return typeof object === 'object' && object !== null ? (object as Record<string, unknown>) : {}
}

export function priceMap(json: string): Map<string, Price> {
  return new Map(Object.entries(readObject(json)) as [string, Price][])
}
