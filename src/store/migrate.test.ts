import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type Kysely, sql } from 'kysely'
import { afterEach, describe, expect, it } from 'vitest'
import { databaseKinds, type TestDatabase } from '#test/support/databases.ts'
import { makeHome } from '#test/support/parley.ts'
import type { Database } from './database.ts'
import { migrate } from './migrate.ts'
import { migrations } from './migrations/index.ts'
import { openDatabase } from './open-database.ts'
import { openPostgres } from './postgres.ts'
import type { Schema } from './schema.ts'
import { openSqlite } from './sqlite.ts'
import { statement } from './statement.ts'

const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

const makes = (name: string) => ({
  name,
  up: async (db: Kysely<unknown>) => {
    await db.schema.createTable(name).addColumn('id', 'integer').execute()
  },
})
const breaks = {
  name: 'breaks',
  up: async (db: Kysely<unknown>) => {
    await sql`create table half_done (id integer)`.execute(db)
    await sql`insert into no_such_table values (1)`.execute(db)
  },
}

/** A database of its own, opened with these migrations. */
async function fresh(kind: TestDatabase['kind']) {
  const home = await makeHome(kind)
  closing.push(() => home.remove())
  async function open(list = migrations) {
    const versions: number[] = []
    const prepare = async (db: Kysely<Schema>) => void versions.push(await migrate(db, kind, 42, list))
    const outbox = async () => undefined
    const database =
      kind === 'postgres'
        ? await openPostgres(home.env.DATABASE_URL!, outbox, prepare)
        : await openSqlite(home.env.PARLEY_DATA!, outbox, prepare)
    return { database, version: versions[0] }
  }
  async function tables(database: Database) {
    const query =
      kind === 'postgres'
        ? sql<{ name: string }>`select tablename as name from pg_tables where schemaname = 'public'`
        : sql<{ name: string }>`select name from sqlite_master where type = 'table'`
    return (await query.execute(database.read)).rows.map(({ name }) => name)
  }
  return { home, open, tables }
}

for (const kind of databaseKinds)
  describe(`migrations on ${kind}`, () => {
    it('run once, in order, and say which version there is now', async () => {
      const { open, tables } = await fresh(kind)
      const list = [...migrations, makes('one'), makes('two')]
      const first = await open(list)
      expect(first.version).toBe(list.length)
      await first.database.close()
      const second = await open(list)
      expect(second.version).toBe(list.length)
      expect(await tables(second.database)).toEqual(expect.arrayContaining(['one', 'two', 'turns']))
      await second.database.close()
    })

    it('change nothing when one of them fails', async () => {
      const { open, tables } = await fresh(kind)
      await expect(open([...migrations, makes('one'), breaks])).rejects.toThrow('no_such_table')
      const { database } = await open([])
      expect((await tables(database)).filter((name) => ['one', 'half_done', 'turns'].includes(name))).toEqual([])
      expect(await database.read.selectFrom('schema_migrations').select('version').execute()).toEqual([])
      await database.close()
    })

    it('refuse a database that a newer version wrote, and say what to do', async () => {
      const { open } = await fresh(kind)
      const { database } = await open()
      await database.write((tx) =>
        tx.db.insertInto('schema_migrations').values({ version: 99, name: 'future', applied_at: 1 }).execute(),
      )
      await database.close()
      await expect(open()).rejects.toMatchObject({
        code: 'conflict',
        message: expect.stringMatching(/schema version 99.*newer version/),
      })
      // The refusal keeps nothing locked.
      await expect(open()).rejects.toMatchObject({ message: expect.stringContaining('schema version 99') })
    })
  })

describe.runIf(databaseKinds.includes('postgres'))('several processes', () => {
  it('may migrate one PostgreSQL at the same moment', async () => {
    const { open } = await fresh('postgres')
    const opened = await Promise.all([open(), open(), open(), open()])
    const databases = opened.map(({ database }) => database)
    const done = await databases[0]!.read.selectFrom('schema_migrations').select('version').execute()
    expect(done).toHaveLength(migrations.length)
    for (const database of databases) await database.close()
  })
})

describe('the folder of an embedded database', () => {
  it('belongs to one process, which the other is told in words', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'parley-lock-'))
    closing.push(() => rm(folder, { recursive: true, force: true }))
    const open = () => openDatabase({ folder, subscribersOf: () => [], now: () => 1 })
    const database = await open()
    await expect(open()).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining(`Another Parley is running on ${folder}`),
    })
    await database.close()
    await (await open()).close()
  })

  it('keeps what was written when the file is opened again', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'parley-lock-'))
    closing.push(() => rm(folder, { recursive: true, force: true }))
    const open = () => openDatabase({ folder, subscribersOf: () => [], now: () => 1 })
    const database = await open()
    await database.write((tx) => tx.db.insertInto('processes').values({ id: 'p', lease_until: 1 }).execute())
    await database.close()
    const again = new DatabaseSync(join(folder, 'parley.db'), { readOnly: true })
    expect(again.prepare('select id from processes').all()).toEqual([{ id: 'p' }])
    again.close()
  })
})

describe('statement()', () => {
  const find = statement<{ id: string; until: number }>('test-find', (db, p) =>
    db.selectFrom('processes').selectAll().where('lease_until', '<=', p('until')).where('id', '=', p('id')),
  )

  it('compiles once for each dialect and binds by name', async () => {
    const { database } = await (await fresh('sqlite')).open()
    closing.push(() => database.close())
    const first = find.compiled(database.read, 'sqlite')
    expect(first.names).toEqual(['until', 'id'])
    expect(find.compiled(database.read, 'sqlite')).toBe(first)
    const rows = await database.write(async (tx) => {
      await tx.db.insertInto('processes').values({ id: 'p', lease_until: 7 }).execute()
      return (await tx.run(find, { id: 'p', until: 7 })).rows
    })
    expect(rows).toMatchObject([{ id: 'p', lease_until: 7 }])
  })

  it('refuses a literal value, which would be bound for ever', async () => {
    const { database } = await (await fresh('sqlite')).open()
    closing.push(() => database.close())
    const bad = statement('test-bad', (db) => db.selectFrom('processes').selectAll().where('id', '=', 'literal'))
    expect(() => bad.compiled(database.read, 'sqlite')).toThrow('bound by name')
  })
})
