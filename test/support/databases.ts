import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll } from 'vitest'
import { type Database, openDatabase } from '#store/index.ts'

export type DatabaseKind = 'sqlite' | 'postgres'

const serverUrl = process.env.PARLEY_TEST_DATABASE_URL

/** What store tests run on: SQLite, or PostgreSQL instead when PARLEY_TEST_DATABASE_URL names a server. */
export const databaseKinds: readonly DatabaseKind[] = [serverUrl ? 'postgres' : 'sqlite']

export interface TestDatabase {
  database: Database
  kind: DatabaseKind
  /** Opens the same database a second time, as another process would; only on PostgreSQL. */
  openAgain(): Promise<Database>
  /** Ends every connection and removes what was made. */
  close(): Promise<void>
}

/** A fresh, migrated database of its own: a folder under the system's temporary one, or a database on the test server. */
export async function freshDatabase(kind: DatabaseKind): Promise<TestDatabase> {
  const opened: Database[] = []
  const open = async (url?: string) => {
    const database = await openDatabase({ folder, subscribersOf: () => [], now: Date.now, ...(url && { url }) })
    opened.push(database)
    return database
  }
  const closeAll = async () => {
    for (const database of opened) await database.close()
  }

  const folder = await mkdtemp(join(tmpdir(), 'parley-test-'))
  const removeFolder = () => rm(folder, { recursive: true, force: true })
  if (kind === 'sqlite') {
    return {
      kind,
      database: await open(),
      openAgain: () => Promise.reject(new Error('SQLite serves one process at a time')),
      close: () => closeAll().then(removeFolder),
    }
  }

  const name = `parley_test_${randomBytes(8).toString('hex')}`
  // template0 takes no connections, so databases can be made from it at the same moment.
  await onServer(`create database ${name} template template0`)
  const url = new URL(serverUrl!)
  url.pathname = `/${name}`
  return {
    kind,
    database: await open(url.toString()),
    openAgain: () => open(url.toString()),
    async close() {
      await closeAll()
      await removeFolder()
      await onServer(`drop database if exists ${name} with (force)`)
    },
  }
}

/** `freshDatabase` for the tests of the surrounding `describe`; read its fields only inside tests and hooks. */
export function useDatabase(kind: DatabaseKind): TestDatabase {
  let made: TestDatabase | undefined
  beforeAll(async () => {
    made = await freshDatabase(kind)
  })
  afterAll(() => made?.close())
  const get = () => {
    if (!made) throw new Error('the database is there only inside tests and hooks')
    return made
  }
  return {
    kind,
    get database() {
      return get().database
    },
    openAgain: () => get().openAgain(),
    close: () => get().close(),
  }
}

async function onServer(sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: serverUrl })
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}
