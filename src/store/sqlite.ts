import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { Kysely, type SqliteDatabase, SqliteDialect, type SqliteStatement } from 'kysely'
import { AppError } from '#errors/index.ts'
import type { Database, StatementResult, Transaction } from './database.ts'
import { type GroupCommitOptions, groupCommit, type Lane } from './group-commit.ts'
import type { Schema } from './schema.ts'
import type { Statement, Value } from './statement.ts'
import { syncer } from './syncer.ts'

/**
 * The embedded database: one file `parley.db` in `folder`, one process at a time. One connection writes, another reads.
 *
 * Durability is that of WAL with synchronous=FULL, but the fsync of the log after a commit is made here, in the thread
 * pool, instead of by SQLite on the event loop (docs/decisions: fsync off the event loop). A write is not acknowledged before it.
 */
export async function openSqlite(
  folder: string,
  writeOutbox: GroupCommitOptions['writeOutbox'],
  prepare: (db: Kysely<Schema>) => Promise<unknown>,
): Promise<Database> {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const lock = lockFolder(folder)
  const file = join(folder, 'parley.db')
  let writer: DatabaseSync | undefined
  try {
    writer = new DatabaseSync(file)
    writer.exec(
      `pragma journal_mode=wal; pragma synchronous=normal; pragma foreign_keys=on; pragma busy_timeout=5000;
       pragma wal_autocheckpoint=4000; pragma journal_size_limit=${mostLogBytes}; pragma cache_size=-16000;
       pragma temp_store=memory`,
    )
    await prepare(kyselyOver(new StatementCache(writer), writer))
  } catch (thrown) {
    writer?.close()
    lock.close()
    throw cannotOpen(thrown, file, 'Restore a backup in its place.')
  }
  const writerStatements = new StatementCache(writer)
  const writeDb = kyselyOver(writerStatements, writer)

  const reader = new DatabaseSync(file, { readOnly: true })
  reader.exec('pragma busy_timeout=5000; pragma cache_size=-16000; pragma temp_store=memory')
  const readDb = kyselyOver(new StatementCache(reader), reader)

  const begin = writer.prepare('begin immediate')
  const commit = writer.prepare('commit')
  const lane: Lane = {
    begin: () => void begin.run(),
    commit: () => void commit.run(),
    rollback: () => {
      // A full disk or an I/O error has made SQLite roll back by itself.
      if (writer.isTransaction) writer.exec('rollback')
    },
    tx: { db: writeDb, run: (statement, values) => run(writeDb, writerStatements, statement, values) },
    durable: syncer(`${file}-wal`),
  }
  const group = groupCommit({ lanes: [lane], writeOutbox, gaveWay: () => false, translate })

  return {
    dialect: 'sqlite',
    read: readDb,
    write: group.write,
    hurry: group.hurry,
    async close() {
      await group.drain()
      reader.close()
      writer.close()
      lock.close()
    },
  }
}

/** As long as somebody reads what was there before (a backup), the log only grows. To so much it is cut afterwards. */
const mostLogBytes = 32 * 1024 * 1024

/** Two processes on one folder would each close the other's running turns. */
function lockFolder(folder: string): DatabaseSync {
  const file = join(folder, 'parley.lock')
  let lock: DatabaseSync | undefined
  try {
    lock = new DatabaseSync(file)
    lock.exec('pragma locking_mode=exclusive; begin exclusive')
    return lock
  } catch (cause) {
    lock?.close()
    if (primaryOf(cause) !== sqliteBusy) throw cannotOpen(cause, file, 'Remove it: nothing is kept in it.')
    throw new AppError(
      'conflict',
      `Another Parley is running on ${folder}. Stop it, or set PARLEY_DATA to another folder, or DATABASE_URL to share a PostgreSQL.`,
      { cause },
    )
  }
}

class StatementCache {
  private readonly db: DatabaseSync
  private readonly known = new Map<string, StatementSync & { reader: boolean }>()

  constructor(db: DatabaseSync) {
    this.db = db
  }

  get(sql: string): StatementSync & { reader: boolean } {
    let found = this.known.get(sql)
    if (!found) {
      const prepared = this.db.prepare(sql)
      found = Object.assign(prepared, { reader: prepared.columns().length > 0 })
      // Queries with a variable number of values make ever new texts.
      if (this.known.size >= 500) this.known.delete(this.known.keys().next().value as string)
      this.known.set(sql, found)
    }
    return found
  }
}

function kyselyOver(statements: StatementCache, db: DatabaseSync): Kysely<Schema> {
  const database: SqliteDatabase = {
    close: () => db.close(),
    prepare: (sql) => {
      // A full disk has made SQLite roll back by itself: Kysely's own rollback would fail, and hide what did before.
      if (sql === 'rollback' && !db.isTransaction) return emptyStatement
      const prepared = statements.get(sql)
      return {
        reader: prepared.reader,
        all: (values) => prepared.all(...(values as Value[])),
        run: (values) => prepared.run(...(values as Value[])),
        iterate: (values) => prepared.iterate(...(values as Value[])),
      }
    },
  }
  return new Kysely<Schema>({ dialect: new SqliteDialect({ database }) })
}

function run<V extends object>(
  db: Transaction['db'],
  statements: StatementCache,
  declared: Statement<V>,
  values: V,
): StatementResult {
  const { sql, names } = declared.compiled(db, 'sqlite')
  const bound = new Array<Value>(names.length)
  for (let i = 0; i < names.length; i++) bound[i] = values[names[i]!] as Value
  const prepared = statements.get(sql)
  if (prepared.reader) {
    const rows = prepared.all(...bound) as Record<string, unknown>[]
    return { rows, changes: rows.length }
  }
  const { changes, lastInsertRowid } = prepared.run(...bound)
  return { rows: noRows, changes: Number(changes), insertedId: Number(lastInsertRowid) }
}

const noRows: Record<string, unknown>[] = []

const emptyStatement: SqliteStatement = {
  reader: false,
  all: () => [],
  run: () => ({ changes: 0, lastInsertRowid: 0 }),
  iterate: () => [].values(),
}

const sqliteFull = 13
const sqliteIoError = 10
const sqliteReadonly = 8
const sqliteBusy = 5
const sqliteCannotOpen = 14
const damaged = new Set<number | undefined>([11, 26])
const mendable = new Set<number | undefined>([sqliteFull, sqliteIoError, sqliteReadonly, sqliteBusy, sqliteCannotOpen])

function primaryOf(thrown: unknown): number | undefined {
  const code = (thrown as { errcode?: number }).errcode
  return code === undefined ? undefined : code & 0xff
}

/** Names the file; what is wrong with the program and not with the file keeps its stack. */
function cannotOpen(thrown: unknown, file: string, ifDamaged: string): unknown {
  const primary = primaryOf(thrown)
  const why = (thrown as Error).message
  if (damaged.has(primary))
    return new AppError('conflict', `${file} is damaged (${why}). ${ifDamaged}`, { cause: thrown })
  return mendable.has(primary) ? new AppError('overloaded', `${file}: ${why}`, { cause: thrown }) : thrown
}

function translate(thrown: unknown): unknown {
  const primary = primaryOf(thrown)
  const io = (thrown as { syscall?: string }).syscall === 'fdatasync'
  if (primary === sqliteFull || primary === sqliteIoError || primary === sqliteReadonly || io)
    return new AppError('overloaded', 'The server cannot write to its disk now', { cause: thrown })
  return thrown
}
