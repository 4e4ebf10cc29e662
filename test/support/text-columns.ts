import { sql } from 'kysely'
import type { Database } from '#store/index.ts'

/** Every column of every table that may hold text, as the database itself names them: table → columns. */
export async function textColumns(database: Database): Promise<Map<string, string[]>> {
  const query =
    database.dialect === 'postgres'
      ? sql<{ table: string; column: string }>`
          select table_name as "table", column_name as "column" from information_schema.columns
          where table_schema = 'public' and data_type in ('text', 'character varying', 'json', 'jsonb')`
      : sql<{ table: string; column: string }>`
          select t.name as "table", c.name as "column" from sqlite_master t, pragma_table_info(t.name) c
          where t.type = 'table' and t.name not like 'sqlite_%' and lower(c.type) not like '%int%' and lower(c.type) <> 'blob'`
  const { rows } = await query.execute(database.read)
  return new Map(
    [...Map.groupBy(rows, (row) => row.table)].map(([table, own]) => [table, own.map((row) => row.column)]),
  )
}

/** Where in the whole database a text stands, as `table.column: value`; case does not matter, so that folded copies are found. */
export async function placesOf(database: Database, text: string): Promise<string[]> {
  const places: string[] = []
  for (const [table, columns] of await textColumns(database))
    for (const column of columns) {
      const value = sql.ref(`${table}.${column}`)
      const { rows } = await sql<{ value: string }>`
        select ${value} as value from ${sql.table(table)}
        where lower(${value}) like ${`%${text.toLowerCase()}%`}`.execute(database.read)
      for (const row of rows) places.push(`${table}.${column}: ${row.value}`)
    }
  return places
}
