import { setTimeout as wait } from 'node:timers/promises'
import { Kysely, PostgresDialect, type PostgresPoolClient } from 'kysely'
import pg from 'pg'
import { AppError } from '#errors/index.ts'
import type { Database, StatementResult } from './database.ts'
import { type GroupCommitOptions, groupCommit, type Lane } from './group-commit.ts'
import type { Schema } from './schema.ts'
import type { Value } from './statement.ts'

/** Connections that may hold a write transaction at once; as many again serve reads. */
const writeLanes = 8

/** PostgreSQL at `url`, shared by as many processes as there are. Commits wait for its own fsync (synchronous_commit). */
export async function openPostgres(
  url: string,
  writeOutbox: GroupCommitOptions['writeOutbox'],
  prepare: (db: Kysely<Schema>) => Promise<unknown>,
  readTimeoutMs = 60_000,
): Promise<Database> {
  const types = {
    getTypeParser: (oid: number, format?: 'text' | 'binary') =>
      // Every bigint here is a JS-safe integer; numeric is what sum() makes of bigints.
      oid === pg.types.builtins.INT8 || oid === pg.types.builtins.NUMERIC
        ? Number
        : pg.types.getTypeParser(oid, format as 'text'),
  }
  const settings = { connectionString: url, types, connectionTimeoutMillis: 10_000 }
  const pool = new pg.Pool({ ...settings, max: writeLanes * 2 })
  // A connection lost while idle is replaced at the next use; without a listener it would end the process.
  pool.on('error', () => undefined)
  // One lost while in use tells those who use it; its event, too, would end the process.
  pool.on('connect', (client) => client.on('error', () => undefined))
  const readDb = new Kysely<Schema>({ dialect: new PostgresDialect({ pool: readPool(pool, readTimeoutMs) }) })
  try {
    await prepare(new Kysely<Schema>({ dialect: new PostgresDialect({ pool }) }))
  } catch (thrown) {
    await readDb.destroy()
    throw cannotOpen(thrown)
  }

  const lanes = Array.from({ length: writeLanes }, () => lane(pool))
  const group = groupCommit({ lanes, writeOutbox, gaveWay, translate })
  return {
    dialect: 'postgres',
    read: readDb,
    write: group.write,
    hurry: group.hurry,
    async close() {
      await group.drain()
      await readDb.destroy()
    },
  }
}

/**
 * The pool as reads use it: what fails is told as writes tell it. A database that hangs ends no connection and answers
 * nothing, so what is not answered in time has failed, too, and its connection with it.
 */
function readPool(pool: pg.Pool, timeoutMs: number) {
  const faces = new WeakMap<pg.PoolClient, PostgresPoolClient>()
  const refuse = (thrown: unknown): never => {
    throw translate(thrown)
  }
  function faceOf(client: pg.PoolClient): PostgresPoolClient {
    let isLost = false
    const query = (text: string, values: unknown[]) => {
      const config = { text, values, query_timeout: timeoutMs }
      return client.query(config).catch((thrown) => {
        isLost ||= readTimeout.test(thrown.message)
        return refuse(thrown)
      })
    }
    return { query, release: () => client.release(isLost) } as unknown as PostgresPoolClient
  }
  return {
    options: {},
    async connect() {
      const client = await pool.connect().catch(refuse)
      const face = faces.get(client) ?? faceOf(client)
      faces.set(client, face)
      return face
    },
    end: () => pool.end(),
  }
}

function lane(pool: pg.Pool): Lane {
  let client: pg.PoolClient | undefined
  let xid = ''
  const held = () => {
    if (!client) throw new Error('no transaction is open on this lane')
    return client
  }
  const db = new Kysely<Schema>({
    dialect: new PostgresDialect({
      pool: {
        options: {},
        // The lane's own client, which it alone acquires and releases.
        connect: async () =>
          ({
            query: (...args: [never]) => held().query(...args),
            release: () => undefined,
          }) as unknown as PostgresPoolClient,
        end: async () => undefined,
      },
    }),
  })
  return {
    async begin() {
      client = await pool.connect()
      try {
        // One message, so that the transaction's name costs nothing.
        const both: unknown = await client.query('begin; select pg_current_xact_id()::text as xid')
        xid = (both as pg.QueryResult<{ xid: string }>[])[1]!.rows[0]!.xid
      } catch (thrown) {
        // Not given back, it would be missing from the pool for ever.
        client.release(thrown as Error)
        client = undefined
        throw thrown
      }
    },
    async commit() {
      const committing = held()
      try {
        await committing.query('commit')
      } catch (thrown) {
        if (gaveWay(thrown) || !(translate(thrown) instanceof AppError)) throw thrown
        // Only the answer may be lost. Whoever took it for refused would write it a second time, or never finish it.
        client = undefined
        committing.release(thrown as Error)
        if (await isCommitted(pool, xid)) return
        throw thrown
      }
      client = undefined
      committing.release()
    },
    async rollback() {
      const broken = client
      client = undefined
      if (!broken) return
      try {
        await broken.query('rollback')
        broken.release()
      } catch (error) {
        broken.release(error as Error)
      }
    },
    tx: {
      db,
      async run(declared, values): Promise<StatementResult> {
        const { sql, names } = declared.compiled(db, 'postgres')
        const bound = names.map((name) => values[name] as Value)
        const result = await held().query({ name: declared.name, text: sql, values: bound })
        return { rows: result.rows, changes: result.rowCount ?? 0, insertedId: result.rows[0]?.id }
      },
    },
    durable: () => Promise.resolve(),
  }
}

const askForMs = 10_000
const askEveryMs = 100

/** What became of a transaction whose end was not answered; false also when the database does not come back in time. */
async function isCommitted(pool: pg.Pool, xid: string): Promise<boolean> {
  const asking = { text: 'select pg_xact_status($1::xid8) as status', values: [xid], query_timeout: askForMs }
  for (const end = performance.now() + askForMs; performance.now() < end; await wait(askEveryMs)) {
    const answer = await pool.query<{ status: string | null }>(asking).catch(() => undefined)
    const status = answer && answer.rows[0]!.status
    if (answer && status !== 'in progress') return status === 'committed'
  }
  return false
}

/** Connection failures (08*, 57P*), out of disk or memory (53*), read-only (25006), deadlock and serialization (40*). */
const unavailable = /^(08|53|57P|40|25006)/

/** Deadlock and serialization. */
function gaveWay(thrown: unknown): boolean {
  const { code } = thrown as { code?: string }
  return code === '40P01' || code === '40001'
}

/** What the driver says, without a code, when a connection is gone before or while it is used. */
const lostClient =
  /^(Connection terminated|timeout exceeded|Query read timeout|Client has encountered a connection error|Client was closed)/
const readTimeout = /^Query read timeout/

/** Wrong credentials or database, and rights that are missing (28*, 3D000, 42501). */
const refused = /^(28|3D000|42501)/

/** At the start nobody asks again: who set DATABASE_URL is told what is wrong with it. */
function cannotOpen(thrown: unknown): unknown {
  if (thrown instanceof AppError) return thrown
  const { code = '', message, errors } = thrown as { code?: string; message: string; errors?: Error[] }
  const isMendable = translate(thrown) instanceof AppError || refused.test(code) || code === 'ERR_INVALID_URL'
  // A name with several addresses fails with a list of failures and no words of its own.
  const why = message || errors?.map((each) => each.message).join('; ')
  return isMendable ? new AppError('overloaded', `The database of DATABASE_URL: ${why}`, { cause: thrown }) : thrown
}

function translate(thrown: unknown): unknown {
  if (thrown instanceof AppError) return thrown
  const error = thrown as { code?: string; syscall?: string; message?: string }
  const lost = error.syscall !== undefined || lostClient.test(error.message ?? '')
  if (lost || unavailable.test(error.code ?? ''))
    return new AppError('overloaded', 'The server cannot reach its database now', { cause: thrown })
  return thrown
}
