import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { sql } from 'kysely'
import { afterAll, describe, expect, it } from 'vitest'
import { openDatabase } from './open-database.ts'

describe('the log of the embedded database', () => {
  const folder = mkdtempSync(join(tmpdir(), 'parley-log-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it('grows while somebody reads what was before, and is cut when he has left', async () => {
    const database = await openDatabase({ folder, subscribersOf: () => [], now: Date.now })
    const megabytes = () => statSync(join(folder, 'parley.db-wal')).size / 1024 / 1024
    const write = () => database.write((tx) => sql`insert into filler values (zeroblob(8000000))`.execute(tx.db))
    await database.write((tx) => sql`create table filler (text blob)`.execute(tx.db))
    const backup = new DatabaseSync(join(folder, 'parley.db'), { readOnly: true })
    backup.exec('begin')
    backup.prepare('select count(*) from filler').get()
    while (megabytes() < 48) await write()
    backup.close()
    // One that puts all of it into the database, and one that begins anew.
    await write()
    await write()
    expect(megabytes()).toBeLessThanOrEqual(32)
    await database.close()
  })
})
