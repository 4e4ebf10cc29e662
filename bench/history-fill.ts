/** Turns of one app, written as the turns room leaves them, and put into the history by the history itself. */
import { statSync } from 'node:fs'
import { sql } from 'kysely'
import { buildParley } from '#app.ts'
import { readEnv } from '#config/index.ts'
import { history } from '#features/history/index.ts'
import { uuidv7 } from '#lib/uuid.ts'
import type { Database } from '#store/index.ts'
import { sayingOf } from './history-texts.ts'
import { type Deployment, parley } from './subjects.ts'

export interface Filled {
  /** Public id. */
  app: string
  seconds: number
  indexMicros: number
  sealMicros: number
  megabytes: number
}

const batch = 500
const perConversation = 20

export async function fillHistory(options: { deployment: Deployment; turns: number; url?: string }): Promise<Filled> {
  const { deployment, turns } = options
  // Nobody is asked anything here.
  const environment = parley.environment(deployment, 0, 9)
  const server = await buildParley(
    readEnv({ ...environment, LOG_LEVEL: 'silent', ...(options.url !== undefined && { DATABASE_URL: options.url }) }),
    { localOllama: false },
  )
  const { database } = server
  const app = await database.read.selectFrom('apps').selectAll().executeTakeFirstOrThrow()
  await database.write((tx) =>
    tx.db
      .updateTable('apps')
      .set({ config: JSON.stringify({ ...JSON.parse(app.config), model: 'instant' }) })
      .where('id', '=', app.id)
      .execute(),
  )
  const room = history({ database, now: Date.now, log: { warn: () => undefined }, catchUp: async () => undefined })
  const started = performance.now()
  let indexing = 0
  for (let at = 0; at < turns; at += batch) {
    const keys = await writeTurns(database, app, at, Math.min(batch, turns - at))
    const before = performance.now()
    await database.write((tx) => room.index(tx, keys))
    indexing += performance.now() - before
    if (at % 50_000 === 0) process.stderr.write(`${at} turns\n`)
  }
  const before = performance.now()
  await room.seal()
  const sealing = performance.now() - before
  if (database.dialect === 'postgres') await sql`vacuum analyze`.execute(database.read)
  const seconds = Math.round((performance.now() - started) / 1000)
  const megabytes = await sizeOf(database, deployment)
  await room.close()
  await server.close(0)
  return {
    app: app.public_id,
    seconds,
    indexMicros: Math.round((indexing * 1000) / turns),
    sealMicros: Math.round((sealing * 1000) / turns),
    megabytes,
  }
}

/** Every tenth turn is about one of a hundred objects, every twentieth switches a tool. */
function writeTurns(
  database: Database,
  app: { id: number; workspace_id: number; created_by: number },
  first: number,
  count: number,
): Promise<number[]> {
  return database.write(async ({ db }) => {
    const owner = { workspace_id: app.workspace_id, user_id: app.created_by, app_id: app.id }
    const conversations = await db
      .insertInto('conversations')
      .values(
        Array.from({ length: Math.ceil(count / perConversation) }, (_, index) => ({
          ...owner,
          public_id: uuidv7(),
          external_id: null,
          title: '',
          status: 'active' as const,
          settings: '{}',
          object_id: index % 10 === 0 ? `object-${(first / batch + index) % 100}` : null,
          external_user_id: null,
          created_at: Date.now(),
          updated_at: Date.now(),
        })),
      )
      .returning('id')
      .execute()
    const turns = await db
      .insertInto('turns')
      .values(
        Array.from({ length: count }, (_, index) => ({
          ...owner,
          public_id: uuidv7(),
          conversation_id: conversations[Math.floor(index / perConversation)]!.id,
          key_id: null,
          door: 'kadal',
          status: 'completed' as const,
          model: 'instant',
          upstream: 'bench',
          process_id: 'bench',
          reserved_micros: 0,
          input_tokens: 10,
          output_tokens: 70,
          cached_input_tokens: 0,
          reasoning_tokens: 0,
          estimated: 0,
          cost_micros: 0,
          finish_reason: 'stop',
          error: null,
          metadata: index % 20 === 19 ? '{"category":"event","type":"tool"}' : null,
          created_at: Date.now(),
          ended_at: Date.now(),
        })),
      )
      .returning('id')
      .execute()
    const keys = turns.map(({ id }) => id)
    const said = keys.map((_, index) => sayingOf(first + index))
    const parts = (text: string) => [{ type: 'text', text }]
    await db
      .insertInto('turn_inputs')
      .values(
        keys.map((turn_id, index) => ({
          turn_id,
          messages: JSON.stringify([{ role: 'user', parts: parts(said[index]!.question) }]),
        })),
      )
      .execute()
    await db
      .insertInto('turn_outputs')
      .values(keys.map((turn_id, index) => ({ turn_id, parts: JSON.stringify(parts(said[index]!.answer)), log: null })))
      .execute()
    return keys
  })
}

async function sizeOf(database: Database, deployment: Deployment): Promise<number> {
  if (database.dialect === 'sqlite') return Math.round(statSync(`${deployment.dataDir}/parley.db`).size / 1e6)
  const { rows } = await sql<{ size: number }>`select pg_database_size(current_database()) as size`.execute(
    database.read,
  )
  return Math.round(rows[0]!.size / 1e6)
}
