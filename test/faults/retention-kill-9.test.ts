import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type Kysely, sql } from 'kysely'
import { afterEach, describe, expect, it } from 'vitest'
import { uuidv7 } from '#lib/uuid.ts'
import type { Schema } from '#store/index.ts'
import { databaseKinds } from '#test/support/databases.ts'
import { query } from '#test/support/ledger.ts'
import { type Home, makeHome, type ParleyProcess, spawnParley, startParley } from '#test/support/parley.ts'
import { placesOf } from '#test/support/text-columns.ts'
import { until } from '#test/support/until.ts'

const turns = 3_000
const dayMs = 86_400_000
const word = 'zqplantedword'

for (const kind of databaseKinds)
  describe(`removing text and kill -9 on ${kind}`, () => {
    const cleanUps: (() => Promise<unknown>)[] = []
    afterEach(async () => {
      for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
    })

    /** A home in which the owner said a lot three days ago, and somebody else did too. */
    async function fullHome(): Promise<Home> {
      const home = await makeHome(kind)
      cleanUps.push(home.remove)
      const parley = await startParley({ home })
      const { database } = parley.parley
      const { id: owner } = await database.read.selectFrom('users').select('id').executeTakeFirstOrThrow()
      const { id: workspace } = await database.read.selectFrom('workspaces').select('id').executeTakeFirstOrThrow()
      const at = Date.now() - 3 * dayMs
      await database.write((tx) =>
        tx.db
          .updateTable('users')
          .set({ created_at: at - dayMs })
          .execute(),
      )
      const usage = {
        model: 'gpt-sim',
        upstream: 'openai',
        input_tokens: 3,
        output_tokens: 4,
        cached_input_tokens: 0,
        reasoning_tokens: 0,
        cost_micros: 5,
      }
      for (let from = 0; from < turns; from += 500)
        await database.write(async (tx) => {
          const rows = await tx.db
            .insertInto('turns')
            .values(
              Array.from({ length: 500 }, (_, index) => ({
                ...usage,
                public_id: uuidv7(at),
                workspace_id: workspace,
                // Every tenth is of nobody who wants anything gone.
                user_id: (from + index) % 10 === 0 ? 999_999 : owner,
                app_id: null,
                conversation_id: null,
                key_id: null,
                door: 'openai',
                status: 'completed' as const,
                process_id: 'p',
                reserved_micros: 0,
                estimated: 0,
                finish_reason: 'stop',
                error: null,
                metadata: JSON.stringify({ word }),
                created_at: at,
                ended_at: at,
              })),
            )
            .returning('id')
            .execute()
          for (let at = 0; at < rows.length; at += 250) {
            const some = rows.slice(at, at + 250)
            const messages = JSON.stringify([{ role: 'user', parts: [{ type: 'text', text: word }] }])
            await tx.db
              .insertInto('turn_inputs')
              .values(some.map(({ id }) => ({ turn_id: id, messages })))
              .execute()
            await tx.db
              .insertInto('turn_outputs')
              .values(some.map(({ id }) => ({ turn_id: id, parts: messages, log: word })))
              .execute()
          }
        })
      await database.write((tx) => refuse(tx.db))
      await parley.close()
      return home
    }

    /** The database lets nobody remove what the last turn of the owner said: nothing is complete before it is allowed. */
    async function refuse(db: Kysely<Schema>): Promise<void> {
      const last = sql.raw(`(select max(id) - 1 from turns)`)
      await sql`create table the_last as select ${last} as id`.execute(db)
      if (kind === 'sqlite')
        return void (await sql`create trigger refuse before delete on turn_inputs
          when old.turn_id = (select id from the_last) begin select raise(abort, 'not now'); end`.execute(db))
      await sql`create function refuse() returns trigger language plpgsql as
        'begin if old.turn_id = (select id from the_last) then raise ''not now''; end if; return old; end'`.execute(db)
      await sql`create trigger refuse before delete on turn_inputs for each row execute function refuse()`.execute(db)
    }

    /** While no server has the home open. */
    async function allow(home: Home): Promise<void> {
      if (kind === 'sqlite') {
        const database = new DatabaseSync(join(home.env.PARLEY_DATA!, 'parley.db'))
        database.exec('drop trigger refuse')
        return database.close()
      }
      await query(home, 'drop trigger refuse on turn_inputs')
    }

    const figures = 'count(*) as n, sum(input_tokens) as i, sum(output_tokens) as o, sum(cost_micros) as c'
    const sums = (home: Home) => query(home, `select ${figures} from turns`)
    const left = async (home: Home, where = '1 = 1') =>
      Number(
        (
          await query(home, `select count(*) as n from turn_inputs i join turns t on t.id = i.turn_id where ${where}`)
        )[0]!.n,
      )

    /** Kills the process as soon as something is gone; something is not. */
    async function killedInTheMiddle({ home, stop }: ParleyProcess, all: number): Promise<void> {
      await until(async () => (await left(home)) < turns)
      await stop('SIGKILL')
      const now = await left(home)
      expect(now).toBeGreaterThan(turns - all)
      expect(now).toBeLessThan(turns)
      await allow(home)
    }

    async function spawned(home: Home): Promise<ParleyProcess> {
      const parley = await spawnParley({ home })
      cleanUps.push(() => parley.stop('SIGKILL'))
      return parley
    }

    it('an erasure is complete after the next start, and says the whole of what it removed', async () => {
      const home = await fullHome()
      const before = await sums(home)
      const first = await spawned(home)
      const own = { current_password: 'correct horse battery' }
      const login = await fetch(`${first.url}/api/v1/auth/login`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ email: 'owner@example.test', password: own.current_password }),
      })
      const { data } = (await login.json()) as { data: { access_token: string } }
      const erasing = fetch(`${first.url}/api/v1/users/me/data`, {
        method: 'DELETE',
        headers: { authorization: `Bearer ${data.access_token}`, 'content-type': 'application/json' },
        body: JSON.stringify(own),
      }).catch(() => undefined)
      await killedInTheMiddle(first, turns * 0.9)
      await erasing
      const [row] = await query(home, 'select status, user_id, removed from erasures')
      expect(row!.status).toBe('running')

      await spawned(home)
      await until(async () => (await query(home, 'select status from erasures'))[0]!.status === 'completed')
      expect(await left(home, `t.user_id = ${row!.user_id}`)).toBe(0)
      expect(await left(home)).toBe(turns / 10)
      const [done] = await query(home, 'select removed, kept from erasures')
      expect(JSON.parse(String(done!.removed))).toMatchObject({ turns: turns * 0.9 })
      expect(done!.kept).toBe('{}')
      expect(await sums(home)).toEqual(before)
    }, 120_000)

    it('a removal by age goes on after the next start, from where it was', async () => {
      const home = await fullHome()
      const before = await sums(home)
      const first = await spawned(home)
      const workspace = (await query(home, 'select public_id from workspaces'))[0]!.public_id
      const set = await fetch(`${first.url}/api/v1/workspaces/${workspace}/retention`, {
        method: 'PUT',
        headers: first.headers,
        body: JSON.stringify({ retention_days: 1 }),
      })
      expect(set.status).toBe(200)
      await killedInTheMiddle(first, turns)
      const [progress] = await query(home, `select up_to from retention_progress where store = 'turns'`)
      expect(Number(progress!.up_to)).toBeGreaterThan(0)

      await spawned(home)
      await until(async () => (await left(home)) === 0)
      expect(await sums(home)).toEqual(before)
    }, 120_000)

    it.runIf(kind === 'postgres')(
      'two processes at the same erasure count each turn once',
      async () => {
        const home = await fullHome()
        const first = await spawned(home)
        const second = await startParley({ home })
        cleanUps.push(() => second.close())
        const me = await fetch(`${first.url}/api/v1/auth/me`, { headers: first.headers })
        const { data } = (await me.json()) as { data: { id: string; workspace_id: string } }
        const url = `${first.url}/api/v1/workspaces/${data.workspace_id}/members/${data.id}/erasure`
        const { 'content-type': _, ...headers } = first.headers
        const erasing = fetch(url, { method: 'POST', headers })
        await until(async () => (await left(home)) < turns)
        await allow(home)
        await Promise.all([second.parley.retention.pass(), erasing])
        // Who was refused before it was allowed has given up for now, unless the other has done it.
        await second.parley.retention.pass()
        await until(async () => (await query(home, 'select status from erasures'))[0]!.status === 'completed')
        const [done] = await query(home, 'select removed from erasures')
        expect(JSON.parse(String(done!.removed))).toMatchObject({ turns: turns * 0.9 })
        const places = await placesOf(second.parley.database, word)
        expect(places.filter((place) => place.startsWith('turn_inputs'))).toHaveLength(turns / 10)
      },
      120_000,
    )
  })
