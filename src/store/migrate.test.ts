import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type Kysely, sql } from 'kysely'
import { afterEach, describe, expect, it } from 'vitest'
import { databaseKinds, freshDatabase, type TestDatabase } from '#test/support/databases.ts'
import { makeHome } from '#test/support/parley.ts'
import { migrate } from './migrate.ts'
import { migrations } from './migrations/index.ts'
import { openDatabase } from './open-database.ts'
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

async function fresh(kind: TestDatabase['kind']) {
  const test = await freshDatabase(kind)
  closing.push(() => test.close())
  // Migrations need a connection that may write; the read face is one on PostgreSQL only.
  const on = <T>(work: (db: Kysely<never>) => Promise<T>) =>
    kind === 'postgres'
      ? work(test.database.read as unknown as Kysely<never>)
      : test.database.write((tx) => work(withoutTransaction(tx.db as unknown as Kysely<never>)))
  const tables = async () => {
    const query =
      kind === 'postgres'
        ? sql<{ name: string }>`select tablename as name from pg_tables where schemaname = 'public'`
        : sql<{ name: string }>`select name from sqlite_master where type = 'table'`
    return (await query.execute(test.database.read)).rows.map(({ name }) => name)
  }
  return { ...test, on, tables }
}

/** The write of a SQLite test is the transaction already. */
function withoutTransaction<T>(db: Kysely<T>): Kysely<T> {
  return new Proxy(db, {
    get: (target, key) =>
      key === 'transaction'
        ? () => ({ execute: (work: (tx: Kysely<T>) => unknown) => work(target) })
        : Reflect.get(target, key, target),
  })
}

for (const kind of databaseKinds)
  describe(`migrations on ${kind}`, () => {
    it('run once, in order, and say which version there is now', async () => {
      const { on, tables } = await fresh(kind)
      const list = [...migrations, makes('one'), makes('two')]
      const now = 42
      expect(await on((db) => migrate(db as never, kind, now, list))).toBe(list.length)
      expect(await on((db) => migrate(db as never, kind, now, list))).toBe(list.length)
      expect(await tables()).toEqual(expect.arrayContaining(['one', 'two', 'turns']))
    })

    it('change nothing when one of them fails', async () => {
      const { on, tables, database } = await fresh(kind)
      await expect(on((db) => migrate(db as never, kind, 42, [...migrations, makes('one'), breaks]))).rejects.toThrow(
        'no_such_table',
      )
      expect(await tables()).not.toContain('one')
      expect(await tables()).not.toContain('half_done')
      const done = await database.read.selectFrom('schema_migrations').select('version').execute()
      expect(done).toHaveLength(migrations.length)
    })

    it('refuse a database that a newer version wrote, and say what to do', async () => {
      const home = await makeHome(kind)
      closing.push(() => home.remove())
      const open = () =>
        openDatabase({
          folder: home.env.PARLEY_DATA!,
          ...(home.env.DATABASE_URL !== undefined && { url: home.env.DATABASE_URL }),
          subscribersOf: () => [],
          now: () => 1,
        })
      const database = await open()
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
    const home = await makeHome('postgres')
    closing.push(() => home.remove())
    const open = () =>
      openDatabase({
        url: home.env.DATABASE_URL!,
        folder: home.env.PARLEY_DATA!,
        subscribersOf: () => [],
        now: () => 1,
      })
    const databases = await Promise.all([open(), open(), open(), open()])
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
    const { database } = await fresh('sqlite')
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
    const { database } = await fresh('sqlite')
    const bad = statement('test-bad', (db) => db.selectFrom('processes').selectAll().where('id', '=', 'literal'))
    expect(() => bad.compiled(database.read, 'sqlite')).toThrow('bound by name')
  })
})
