import { sql } from 'kysely'
import { afterEach, expect, it } from 'vitest'
import { databaseKinds } from '#test/support/databases.ts'
import { makeHome } from '#test/support/parley.ts'
import { migrate } from '../migrate.ts'
import { openPostgres } from '../postgres.ts'
import { openSqlite } from '../sqlite.ts'
import { migrations } from './index.ts'

const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

for (const kind of databaseKinds)
  it(`earlier turns are told of, in the order of their ends, on ${kind}`, async () => {
    const home = await makeHome(kind)
    closing.push(() => home.remove())
    const before = migrations.findIndex(({ name }) => name === 'history')
    const open = (list: typeof migrations) =>
      kind === 'postgres'
        ? openPostgres(
            home.env.DATABASE_URL!,
            async () => undefined,
            (db) => migrate(db, kind, 1, list),
          )
        : openSqlite(
            home.env.PARLEY_DATA!,
            async () => undefined,
            (db) => migrate(db, kind, 1, list),
          )

    const old = await open(migrations.slice(0, before))
    const turn = (id: number, row: { app?: number; conversation?: number; status?: string; ended: number }) => sql`
      insert into turns (id, public_id, workspace_id, user_id, app_id, conversation_id, door, status, model, upstream,
        process_id, reserved_micros, input_tokens, output_tokens, cached_input_tokens, reasoning_tokens, estimated,
        cost_micros, created_at, ended_at)
      values (${id}, ${`turn ${id}`}, 1, 1, ${row.app ?? null}, ${row.conversation ?? null}, 'app',
        ${row.status ?? 'completed'}, 'm', 'u', 'p', 0, 0, 0, 0, 0, 0, 0, 0, ${row.ended})`
    await old.write(async ({ db }) => {
      for (let id = 1; id <= 25; id++) await turn(id, { app: 1, ended: 1000 - id }).execute(db)
      await turn(26, { conversation: 1, ended: 5 }).execute(db)
      await turn(27, { ended: 6 }).execute(db)
      await turn(28, { app: 1, status: 'running', ended: 7 }).execute(db)
    })
    await old.close()

    const database = await open(migrations)
    const jobs = await database.read
      .selectFrom('jobs')
      .select(['kind', 'payload', 'run_at'])
      .orderBy('run_at')
      .execute()
    await database.close()
    expect(new Set(jobs.map((job) => job.kind))).toEqual(new Set(['subscriber:history']))
    const payloads = jobs.map((job) => JSON.parse(job.payload) as { type: string; turn: number }[])
    expect(payloads.map((events) => events.length)).toEqual([10, 10, 6])
    const told = payloads.flat()
    expect(new Set(told.map((event) => event.type))).toEqual(new Set(['chat-settled']))
    expect(told.map((event) => event.turn)).toEqual([26, ...Array.from({ length: 25 }, (_, index) => 25 - index)])
  })
