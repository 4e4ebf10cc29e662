import { sql } from 'kysely'
import { describe, expect, it } from 'vitest'
import { databaseKinds, useDatabase } from '#test/support/databases.ts'
import { openDatabase } from './open-database.ts'

describe.runIf(databaseKinds.includes('postgres'))('reads of PostgreSQL', () => {
  const house = useDatabase('postgres')

  it('that are not answered in time have failed, and hold no connection', async () => {
    const { rows } = await sql<{ name: string }>`select current_database() as name`.execute(house.database.read)
    const url = new URL(process.env.PARLEY_TEST_DATABASE_URL!)
    url.pathname = `/${rows[0]!.name}`
    const folder = ''
    const settings = { folder, url: url.toString(), subscribersOf: () => [], now: Date.now, readTimeoutMs: 500 }
    const database = await openDatabase(settings)
    const slow = () => sql`select pg_sleep(600)`.execute(database.read)
    // More than there are connections.
    const refused = await Promise.allSettled(Array.from({ length: 40 }, slow))
    for (const one of refused) expect(one).toMatchObject({ status: 'rejected', reason: { code: 'overloaded' } })
    expect(await sql`select 1 as one`.execute(database.read)).toMatchObject({ rows: [{ one: 1 }] })
    await database.close()
  })
})
